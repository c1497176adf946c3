import {
  RecordLink,
  limits,
  parseStored,
  readTurnRecord,
  seqsBefore,
  streams,
  subjects,
  turnOfRecord,
  type AnyTurnRecord,
  type ConversationId,
} from "@parley/protocol";
import { createGate } from "@parley/runtime";
import type { FoundMessage } from "./direct-get.ts";
import { erasedAt } from "./erased-records.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { createRecordCache, type StoredRecord } from "./record-cache.ts";
import type { Unreadable } from "./unreadable.ts";

export type RecordLookups = ReturnType<typeof createRecordLookups>;

/** The records of a chain, from one of them backwards. */
export interface RecordWalk<Stored extends Linked = StoredRecord> {
  /** The one before, and `wanted` in all, if they are named, in the same round trip: of those, the next calls get theirs at once. */
  before(stored: Stored, wanted: number): Promise<Stored | undefined>;
}

type Linked = Pick<StoredRecord, "link">;

/**
 * Records that are asked for at a time, by all readers of this process. Each may have half a megabyte, and the broker cuts a connection for which it
 * has to keep 64 MB (docs/adr/0008).
 */
const lookUpsAtOnce = 64;

/** Reads records by their place, and remembers them. */
export function createRecordLookups(jsm: PatientLookups, events: EventLog, unreadable: Unreadable) {
  const cache = createRecordCache();
  const ends = createKnownEnds();
  const gate = createGate(lookUpsAtOnce);
  const recordOf = createRecordReading(jsm, events, unreadable);

  /** A log that was made anew counts from one again: what is remembered may be another conversation's. */
  const knownAt: KnownAt = (conversation, seq) => {
    const known = cache.get(events.shardOf(conversation), seq);
    return known?.link.conversation_id === conversation ? known : undefined;
  };

  const at = async (conversation: ConversationId, seq: number): Promise<StoredRecord | undefined> => {
    if (seq === 0) return undefined;
    const known = knownAt(conversation, seq);
    if (known !== undefined) return known;
    const shard = events.shardOf(conversation);
    const kept = await gate(() => jsm.lookUpKept(streams.log(shard), seq));
    const message = kept ?? (await erasedAt({ jsm, events }, conversation, seq));
    // Whatever a record says of its place: no other conversation's is ever taken for one of this.
    if (message === undefined || (kept !== null && kept.subject !== subjects.log(shard, conversation)))
      return undefined;
    return cache.add(shard, await recordOf(message, conversation));
  };

  return {
    at,

    async last(conversation: ConversationId): Promise<StoredRecord | undefined> {
      const shard = events.shardOf(conversation);
      const query = { last_by_subj: subjects.log(shard, conversation) };
      const message = await jsm.lookUp(streams.log(shard), query);
      ends.saw(conversation, message?.seq ?? 0);
      if (message === null) return undefined;
      const known = knownAt(conversation, message.seq);
      const dated = known && cache.dated(shard, known, message.time.getTime());
      return dated ?? cache.add(shard, await recordOf(message, conversation));
    },

    walk: (conversation: ConversationId): RecordWalk => createWalk((seq) => at(conversation, seq)),

    /** The sequences of one and of those before it, newest first, as far as they are known without asking. */
    knownSeqs: (newest: StoredRecord): number[] => knownSeqsFrom(newest, knownAt),

    /** A record that was stored just now: the next turn of the conversation reads it, as a rule in the same process. */
    wrote(seq: number, record: AnyTurnRecord, bytes: number): StoredRecord {
      const stored = { seq, storedMs: Infinity, bytes, turn: turnOfRecord(record, seq), link: linkOf(record) };
      return cache.add(events.shardOf(record.conversation_id), stored);
    },

    ends,
  };
}

type KnownAt = (conversation: ConversationId, seq: number) => StoredRecord | undefined;

function knownSeqsFrom(newest: StoredRecord, knownAt: KnownAt): number[] {
  const seqs = [newest.seq];
  let oldest: StoredRecord | undefined = newest;
  while (oldest !== undefined && seqs.length <= limits.recordsBack) {
    const least: number = seqs.at(-1) ?? 0;
    seqs.push(...seqsBefore(oldest.link).filter((seq) => seq < least));
    const reached: number = seqs.at(-1) ?? 0;
    oldest = reached < least ? knownAt(newest.link.conversation_id, reached) : undefined;
  }
  return seqs;
}

function linkOf({ conversation_id, prev, back }: RecordLink): RecordLink {
  return { conversation_id, prev, back };
}

export function createWalk<Stored extends Linked>(
  at: (seq: number) => Promise<Stored | undefined>,
): RecordWalk<Stored> {
  const asked = new Map<number, Promise<Stored | undefined>>();
  const ask = (seq: number): void => {
    if (asked.has(seq)) return;
    const record = at(seq);
    // Perhaps nobody comes to it.
    record.catch(() => {});
    asked.set(seq, record);
  };
  return {
    before({ link }, wanted) {
      if (link.prev === 0) return Promise.resolve(undefined);
      if (!asked.has(link.prev)) seqsBefore(link).slice(0, Math.max(1, wanted)).forEach(ask);
      const record = asked.get(link.prev);
      asked.delete(link.prev);
      return record ?? Promise.resolve(undefined);
    },
  };
}

function createRecordReading(jsm: PatientLookups, events: EventLog, unreadable: Unreadable) {
  /** The record of the conversation before this place, for one that does not name it: looked for further and further back. */
  const seqBefore = async (conversation: ConversationId, seq: number): Promise<number> => {
    const shard = events.shardOf(conversation);
    const next = async (from: number): Promise<number> =>
      (await jsm.lookUp(streams.log(shard), { seq: from, next_by_subj: subjects.log(shard, conversation) }))?.seq ??
      seq;
    let before = seq;
    for (let reach = 1; before >= seq && reach < 2 * seq; reach *= 4) before = await next(Math.max(1, seq - reach));
    if (before >= seq) return 0;
    for (let after = await next(before + 1); after < seq; after = await next(before + 1)) before = after;
    return before;
  };

  /** Of a record that a newer version wrote in a way of its own only its place in the chain is known. */
  return async (message: FoundMessage, conversation: ConversationId): Promise<StoredRecord> => {
    const { seq, data, subject } = message;
    const stored = { seq, storedMs: message.time.getTime(), bytes: data.length };
    const value = parseStored(data);
    const record = readTurnRecord(value);
    if (record !== undefined) return { ...stored, turn: turnOfRecord(record, seq), link: linkOf(record) };
    if (message.isErased !== true) unreadable.note("record", { subject, seq });
    const link = RecordLink.safeParse(value).data;
    const prev = link?.prev ?? (await seqBefore(conversation, seq));
    const erased = message.isErased === true ? { isErased: true as const } : {};
    return { ...stored, ...erased, turn: undefined, link: { ...link, conversation_id: conversation, prev } };
  };
}

/** Conversations whose ends are remembered: more than a process has open turns. */
const mostEnds = 4_096;

/** Where conversations ended when that was last looked up (0: they had no record): a turn's own look at its beginning serves its end as well. */
function createKnownEnds() {
  const seqs = new Map<ConversationId, number>();
  return {
    saw(conversation: ConversationId, seq: number): void {
      seqs.delete(conversation);
      seqs.set(conversation, seq);
      for (const oldest of seqs.keys()) {
        if (seqs.size <= mostEnds) break;
        seqs.delete(oldest);
      }
    },
    /** Once: what was tried with it and failed is not tried again. */
    take(conversation: ConversationId): number | undefined {
      const seq = seqs.get(conversation);
      seqs.delete(conversation);
      return seq;
    },
  };
}
