import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { decodeEvent, shardOfSubject, streams, subjects, type ConversationId } from "@parley/protocol";
import type { EventAtSeq, StoredMessage } from "./stored-message.ts";
import { createSharedLookup } from "./shared-lookup.ts";
import { generationOf } from "./stream-generation.ts";
import type { Unreadable } from "./unreadable.ts";

export interface StreamState {
  /** When the stream was made, ms since 1970: its generation. See `generationOf`. */
  readonly createdMs: number;
  readonly firstSeq: number;
  /** 0: it is empty and new. */
  readonly lastSeq: number;
}

export interface EventPlace {
  readonly seq: number;
  readonly storedMs: number;
}

/** At a time. A look for the newest of many subjects costs nats-server 2.9.10 some 0.1 ms for each thousand subjects in the stream. */
const wideLooks = 8;

/** A thousand that ask at once for the state of a stream ask twice. */
function createStates(jsm: PatientLookups): (shard: number) => () => Promise<StreamState> {
  const states = new Map<number, () => Promise<StreamState>>();

  return (shard) => {
    let state = states.get(shard);
    if (state === undefined) {
      state = createSharedLookup(async () => {
        const info = await jsm.streams.info(streams.events(shard));
        return { createdMs: generationOf(info), firstSeq: info.state.first_seq, lastSeq: info.state.last_seq };
      });
      states.set(shard, state);
    }
    return state;
  };
}

/** Single look-ups in the event streams; each throws when the broker does not answer. */
export function createEventLookups(jsm: PatientLookups, unreadable: Unreadable) {
  const eventOf = (message: FoundMessage | null): EventAtSeq | undefined => {
    if (message === null) return undefined;
    const event = decodeEvent(message.data);
    if (event.type === "unreadable") unreadable.note("event", message);
    return { seq: message.seq, event };
  };
  const stateOf = createStates(jsm);
  const lastFromLeader = async (subject: string): Promise<EventAtSeq | undefined> =>
    eventOf(await jsm.streams.getMessage(streams.events(shardOfSubject(subject)), { last_by_subj: subject }));
  /** The first event of a subject that has only one, as it is stored. */
  const storedFromLeader = async (subject: string): Promise<StoredMessage | undefined> => {
    const message = await jsm.streams.getMessage(streams.events(shardOfSubject(subject)), { last_by_subj: subject });
    return message === null ? undefined : { subject, seq: message.seq, previous: 0, data: message.data };
  };
  let looking = 0;

  return {
    /** The last event of a subject, which may end in '>'. */
    last: async (subject: string): Promise<EventAtSeq | undefined> =>
      eventOf(await jsm.lookUp(streams.events(shardOfSubject(subject)), { last_by_subj: subject })),

    /** Where the last event of a subject stands, and when the broker stored it, by its clock. */
    async placeOfLast(subject: string): Promise<EventPlace | undefined> {
      const found = await jsm.lookUp(streams.events(shardOfSubject(subject)), { last_by_subj: subject });
      return found === null ? undefined : { seq: found.seq, storedMs: found.time.getTime() };
    },

    /** The sequence of the oldest event that is kept of a subject, which may end in '>'. */
    firstSeq: async (subject: string): Promise<number | undefined> =>
      (await jsm.lookUp(streams.events(shardOfSubject(subject)), { seq: 1, next_by_subj: subject }))?.seq,

    /** The subject of the event at this sequence; undefined: there is none, or not any more. */
    subjectAt: async (shard: number, seq: number): Promise<string | undefined> =>
      (await jsm.lookUp(streams.events(shard), { seq }))?.subject,

    /** As `last`, but from the stream's leader: never stale, a little slower. Use it after a refusal. */
    lastFromLeader,

    storedFromLeader,

    /**
     * False: nothing of the conversation is stored after `seq`. True: something is, or so many ask at once (their edge died, or the broker was
     * away) that nobody looks: reading tells, and many readers share a scan.
     */
    async mayHaveAfter(shard: number, conversation: ConversationId, seq: number): Promise<boolean> {
      if (looking >= wideLooks) return true;
      looking++;
      try {
        return ((await lastFromLeader(subjects.eventsOf(shard, conversation)))?.seq ?? 0) > seq;
      } finally {
        looking--;
      }
    },

    /** Whether the event at this place is kept; events go when they are old, and with their conversation. No stale replica says that it is gone. */
    isStored: async (shard: number, seq: number): Promise<boolean> =>
      (await jsm.lookUp(streams.events(shard), { seq })) !== null ||
      (await jsm.streams.getMessage(streams.events(shard), { seq })) !== null,

    /** How a stream stands. A thousand hubs that start at once ask twice. */
    state: (shard: number): Promise<StreamState> => stateOf(shard)(),
  };
}
