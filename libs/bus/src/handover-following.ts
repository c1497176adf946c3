import { isHandedOver, limits, streams, subjects, type ConversationId, type HandoverRecord } from "@parley/protocol";
import type { LastOne } from "./append-behind.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";

export interface FollowerDeps {
  readonly jsm: PatientLookups;
  readonly shards: number;
  /** How long events are kept. */
  readonly eventWindowMs: number;
}

interface Reading {
  readonly read: (message: FoundMessage | null) => LastOne<HandoverRecord> | undefined;
  /** Tells viewers of a record, unless they were. */
  readonly tell: (record: HandoverRecord) => Promise<void>;
}

/** Whoever has stored a record has told of it by then; clocks may differ by less. */
const tellingMs = 2_000;
/** Looked at for one step of whoever follows. */
const mostLooks = 5_000;
const hourMs = 3_600_000;

/** Whether its time is over, by this process's clock. */
export function isDue(record: HandoverRecord): boolean {
  return isHandedOver(record) && record.until !== undefined && record.until <= Date.now();
}

interface Followed {
  readonly record: HandoverRecord;
  readonly seq: number;
}

/**
 * All open hand-overs of the deployment, found in the log: with each step what has changed since the last one. Nothing is read while nobody asks. Ended ones are passed over;
 * of those that are so old that nobody can be told of them any more the places are given, so that an edge lets them go.
 */
export function createHandoverFollower({ jsm, shards, eventWindowMs }: FollowerDeps, { read, tell }: Reading) {
  const ends = Array.from({ length: shards }, () => 0);
  const open = new Map<ConversationId, Followed>();
  /** Ended ones, oldest first. */
  const old = new Map<ConversationId, { readonly seq: number; readonly ts: number }>();

  const take = async (message: FoundMessage): Promise<void> => {
    const record = read(message)?.value;
    if (record === undefined) return;
    const { conversation_id: conversation, ts } = record;
    open.delete(conversation);
    old.delete(conversation);
    if (isHandedOver(record)) {
      if (open.size < limits.handoversOpen) open.set(conversation, { record, seq: message.seq });
    } else if (old.size < limits.handoversOpen) {
      old.set(conversation, { seq: message.seq, ts });
    }
    // A process may have died between the record and its event.
    const ageMs = Date.now() - ts;
    if (ageMs > tellingMs && ageMs < eventWindowMs) await tell(record);
  };
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
    takeOld(): { readonly conversation: ConversationId; readonly seq: number }[] {
      const before = Date.now() - 2 * eventWindowMs - hourMs;
      const gone = [...old].filter(([, { ts }]) => ts < before);
      for (const [conversation] of gone) old.delete(conversation);
      return gone.map(([conversation, { seq }]) => ({ conversation, seq }));
    },

    /** Whose time is over. */
    due: (): ConversationId[] =>
      [...open.values()].filter(({ record }) => isDue(record)).map(({ record }) => record.conversation_id),
  };
}
