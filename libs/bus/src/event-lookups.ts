import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { decodeEvent, shardOfSubject, streams, subjects, type ConversationId } from "@parley/protocol";
import type { EventAtSeq, StoredMessage } from "./stored-message.ts";
import { createSharedLookup } from "./shared-lookup.ts";
import { generationOf } from "./stream-generation.ts";
import type { Unreadable } from "./unreadable.ts";

export interface StreamState {
  /** When the stream was made, ms since 1970: its generation. See `generationOf`. Or when it was seen to have lost its end: see `renew`. */
  readonly createdMs: number;
  readonly firstSeq: number;
  /** 0: it is empty and new. */
  readonly lastSeq: number;
  /** When its first event was stored, ms since 1970; Infinity: it has none. */
  readonly firstMs: number;
  /** It lost its end while this process ran: what was told of it may never have been. */
  readonly hasLostEnd?: true;
}

export interface EventPlace {
  readonly seq: number;
  readonly storedMs: number;
}

type EventAtPlace = EventAtSeq & { readonly subject: string };

/** At a time. A look for the newest of many subjects costs nats-server 2.9.10 some 0.1 ms for each thousand subjects in the stream. */
const wideLooks = 8;

/** A thousand that ask at once for the state of a stream ask twice. */
function createStates(jsm: PatientLookups) {
  const states = new Map<number, () => Promise<StreamState>>();
  /** Of streams that lost their end: which one it was, and what it counts as since. */
  const renewed = new Map<number, { readonly madeMs: number; readonly countsAsMs: number }>();

  const read = async (shard: number): Promise<StreamState> => {
    const info = await jsm.streams.info(streams.events(shard));
    const { first_seq: firstSeq, last_seq: lastSeq, messages, first_ts } = info.state;
    const firstMs = messages === 0 ? Infinity : Date.parse(first_ts);
    const state = { createdMs: generationOf(info), firstSeq, lastSeq, firstMs };
    const lost = renewed.get(shard);
    return lost?.madeMs === state.createdMs ? { ...state, createdMs: lost.countsAsMs, hasLostEnd: true } : state;
  };

  return {
    of(shard: number): () => Promise<StreamState> {
      const state = states.get(shard) ?? createSharedLookup(() => read(shard));
      states.set(shard, state);
      return state;
    },
    renew(shard: number, { createdMs }: StreamState, nowMs: number): void {
      const madeMs =
        renewed.get(shard)?.countsAsMs === createdMs ? (renewed.get(shard)?.madeMs ?? createdMs) : createdMs;
      renewed.set(shard, { madeMs, countsAsMs: Math.max(nowMs, createdMs + 1) });
    },
  };
}

type EventOf = (message: FoundMessage | null) => EventAtSeq | undefined;

/** By the word of the stream's leader, or its only copy: never stale. */
function createLeaderLookups(jsm: PatientLookups, eventOf: EventOf) {
  return {
    /** As `last`, a little slower where there are several copies. Use it after a refusal. */
    lastFromLeader: async (subject: string): Promise<EventAtSeq | undefined> =>
      eventOf(await jsm.lookUp(streams.events(shardOfSubject(subject)), { last_by_subj: subject })),

    /** The first event of a subject that has only one, as it is stored. */
    async storedFromLeader(subject: string): Promise<StoredMessage | undefined> {
      const message = await jsm.streams.getMessage(streams.events(shardOfSubject(subject)), { last_by_subj: subject });
      return message === null ? undefined : { subject, seq: message.seq, previous: 0, data: message.data };
    },

    /** The event at this sequence and its subject: also for whoever may have no event of another kind from elsewhere. */
    async atFromLeader(shard: number, seq: number): Promise<EventAtPlace | undefined> {
      const message = await jsm.streams.getMessage(streams.events(shard), { seq });
      const found = eventOf(message);
      return message === null || found === undefined ? undefined : { ...found, subject: message.subject };
    },
  };
}

/** Single look-ups in the event streams; each throws when the broker does not answer. */
export function createEventLookups(jsm: PatientLookups, unreadable: Unreadable) {
  const eventOf: EventOf = (message) => {
    if (message === null) return undefined;
    const event = decodeEvent(message.data);
    if (event.type === "unreadable") unreadable.note("event", message);
    return { seq: message.seq, event };
  };
  const states = createStates(jsm);
  const leader = createLeaderLookups(jsm, eventOf);
  const { lastFromLeader } = leader;
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

    ...leader,

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
    state: (shard: number): Promise<StreamState> => states.of(shard)(),

    /**
     * The stream has lost its end, as after a power cut, and counts on with other events: for this process it is another one from now on, so that nothing that
     * was told of the lost ones is taken for a place in it.
     */
    renew: (shard: number, stream: StreamState, nowMs = Date.now()): void => states.renew(shard, stream, nowMs),

    /** The event at this sequence, as it is stored; undefined: there is none, or not any more. */
    async storedAt(shard: number, seq: number): Promise<Uint8Array | undefined> {
      return (await jsm.lookUp(streams.events(shard), { seq }))?.data.slice();
    },
  };
}
