import type { StoredMsg } from "@nats-io/jetstream";
import type { PatientLookups } from "./patient-lookups.ts";
import { decodeEvent, shardOfSubject, streams } from "@parley/protocol";
import type { EventAtSeq } from "./stored-message.ts";

export interface StreamState {
  /** When the stream was made, ms since 1970: its generation. */
  readonly createdMs: number;
  readonly firstSeq: number;
  /** 0: it is empty and new. */
  readonly lastSeq: number;
}

function eventOf(message: StoredMsg | null): EventAtSeq | undefined {
  return message === null ? undefined : { seq: message.seq, event: decodeEvent(message.data) };
}

/** Single look-ups in the event streams; each throws when the broker does not answer. */
export function createEventLookups(jsm: PatientLookups) {
  const asked = new Map<number, Promise<StreamState>>();

  const fetchState = async (shard: number): Promise<StreamState> => {
    const info = await jsm.streams.info(streams.events(shard));
    return { createdMs: Date.parse(info.created), firstSeq: info.state.first_seq, lastSeq: info.state.last_seq };
  };

  return {
    /** The last event of a subject, which may end in '>'. On a replica it may be stale, which is safe where a write checks it. */
    last: async (subject: string): Promise<EventAtSeq | undefined> =>
      eventOf(await jsm.direct.getMessage(streams.events(shardOfSubject(subject)), { last_by_subj: subject })),

    /** As `last`, but from the stream's leader: never stale, a little slower. Use it after a refusal. */
    lastFromLeader: async (subject: string): Promise<EventAtSeq | undefined> =>
      eventOf(await jsm.streams.getMessage(streams.events(shardOfSubject(subject)), { last_by_subj: subject })),

    /** Calls of the same tick share one request: a thousand hubs that start at once ask once. */
    state(shard: number): Promise<StreamState> {
      const shared = asked.get(shard);
      if (shared !== undefined) return shared;
      // Later callers must not share: they need a state from after their own flush.
      const state = Promise.resolve().then(() => {
        asked.delete(shard);
        return fetchState(shard);
      });
      asked.set(shard, state);
      return state;
    },
  };
}
