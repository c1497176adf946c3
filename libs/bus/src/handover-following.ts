import { isHandedOver, limits, streams, subjects, type ConversationId, type HandoverRecord } from "@parley/protocol";
import type { LastOne } from "./append-behind.ts";
import type { BrokerClock } from "./broker-clock.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";

export interface FollowerDeps {
  readonly jsm: PatientLookups;
  readonly clock: BrokerClock;
  readonly shards: number;
  /** How long events are kept. */
  readonly eventWindowMs: number;
}

interface Reading {
  readonly read: (message: FoundMessage | null) => LastOne<HandoverRecord> | undefined;
  /** Tells viewers of a record, unless they were. */
  readonly tell: (record: HandoverRecord) => Promise<void>;
}

/** Whoever has stored a record has told of it by then. */
const tellingMs = 2_000;
/** Looked at for one step of whoever follows. */
const mostLooks = 5_000;
const hourMs = 3_600_000;

/** Whether its time is over at this time of the broker's. */
export function isDue(record: HandoverRecord, nowMs: number): boolean {
  return isHandedOver(record) && record.until !== undefined && record.until <= nowMs;
}

interface Followed {
  readonly record: HandoverRecord;
  readonly seq: number;
}

/** What the log says of hand-overs, read up to the last look. */
function createFollowed({ jsm, clock, shards, eventWindowMs }: FollowerDeps, { read, tell }: Reading) {
  const ends = Array.from({ length: shards }, () => 0);
  const open = new Map<ConversationId, Followed>();
  /** Ended ones, oldest first. */
  const old = new Map<ConversationId, { readonly seq: number; readonly storedMs: number }>();

  const take = async (message: FoundMessage): Promise<void> => {
    const record = read(message)?.value;
    if (record === undefined) return;
    const { conversation_id: conversation } = record;
    const storedMs = message.time.getTime();
    open.delete(conversation);
    old.delete(conversation);
    if (isHandedOver(record)) {
      if (open.size < limits.handoversOpen) open.set(conversation, { record, seq: message.seq });
    } else if (old.size < limits.handoversOpen) {
      old.set(conversation, { seq: message.seq, storedMs });
    }
    // A process may have died between the record and its event.
    const ageMs = (await clock.nowMs()) - storedMs;
    if (ageMs > tellingMs && ageMs < eventWindowMs) await tell(record);
  };
  /** Rejects when the broker does not answer; then the next look goes on there. */
  const look = async (): Promise<void> => {
    let looks = 0;
    for (let shard = 0; shard < shards;) {
      if (looks++ === mostLooks) return;
      const query = { seq: (ends[shard] ?? 0) + 1, next_by_subj: subjects.allHandovers(shard) };
      const message = await jsm.lookUp(streams.log(shard), query);
      if (message === null) shard++;
      else {
        await take(message);
        ends[shard] = message.seq;
      }
    }
  };
  return { open, old, look };
}

/**
 * All open hand-overs of the deployment, found in the log: with each step what has changed since the last one. Nothing is read while nobody asks. Ended ones are passed over;
 * of those that are so old that nobody can be told of them any more the places are given, so that an edge lets them go.
 */
export function createHandoverFollower(deps: FollowerDeps, reading: Reading) {
  const { clock, eventWindowMs } = deps;
  const { open, old, look } = createFollowed(deps, reading);
  let looking: Promise<void> | undefined;

  return {
    /** Oldest first. Rejects when the broker does not answer. */
    async open(): Promise<HandoverRecord[]> {
      // People who look at the same time look once.
      looking ??= look().finally(() => (looking = undefined));
      await looking;
      return [...open.values()].map(({ record }) => record).toSorted((a, b) => a.asked_at - b.asked_at);
    },

    /** Those of which nothing need be kept, with the place of the last record. Each once. */
    async takeOld(): Promise<{ readonly conversation: ConversationId; readonly seq: number }[]> {
      if (old.size === 0) return [];
      const before = (await clock.nowMs()) - 2 * eventWindowMs - hourMs;
      const gone = [...old].filter(([, { storedMs }]) => storedMs < before);
      for (const [conversation] of gone) old.delete(conversation);
      return gone.map(([conversation, { seq }]) => ({ conversation, seq }));
    },

    /** Whose time is over. */
    async due(): Promise<ConversationId[]> {
      if (open.size === 0) return [];
      const nowMs = await clock.nowMs();
      return [...open.values()]
        .filter(({ record }) => isDue(record, nowMs))
        .map(({ record }) => record.conversation_id);
    },

    /** How long until the next one is over, if nothing comes of it; Infinity: none is open. */
    async untilNextMs(): Promise<number> {
      if (open.size === 0) return Infinity;
      const nowMs = await clock.nowMs();
      return Math.min(...[...open.values()].map(({ record: { until = Infinity } }) => until - nowMs));
    },
  };
}
