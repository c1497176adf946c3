import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import {
  ChatError,
  LogRecord,
  RecordLink,
  encodeJson,
  inOrderOfAcceptance,
  parseStored,
  streams,
  subjects,
  type ConversationId,
  type TurnId,
  wasAcceptedBefore,
} from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { EventTooLargeError, wrongLastSequence } from "./appender.ts";
import type { EventLog } from "./event-log.ts";
import { createRecordCache, type StoredRecord } from "./record-cache.ts";
import type { Unreadable } from "./unreadable.ts";

export interface TranscriptPage {
  /** Oldest first. */
  readonly records: LogRecord[];
  /** Give it as `before` to read what is older; 0: nothing is. */
  readonly before: number;
}

export type Transcripts = ReturnType<typeof createTranscripts>;

const writeDeadlineMs = 15_000;
/** Records of one turn stand together, but for turns that were cancelled while they waited: that many may be in between on a page. */
const pageLookBack = 16;
/** As far is looked back for a message in any case; and further while there are records that were stored since its turn was accepted. */
const leastLookBack = 16;
const mostLookBack = 4_000;
/** The next leader of a stream may have another clock. */
const clockSkewMs = 60_000;
/** Records in a row that only a newer version can read. */
const maxPassedOver = 1_000;

/** A log that was made anew counts from one again: what is remembered may be another conversation's. */
function knownAt(
  cache: ReturnType<typeof createRecordCache>,
  shard: number,
  { conversation, seq }: { readonly conversation: ConversationId; readonly seq: number },
): StoredRecord | undefined {
  const known = cache.get(shard, seq);
  return known?.link.conversation_id === conversation ? known : undefined;
}

/** Reads one record at a time: the last one, or the one at a sequence. */
function createRecordLookups(jsm: PatientLookups, events: EventLog, unreadable: Unreadable) {
  const cache = createRecordCache();
  const ends = createKnownEnds();

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
  const recordOf = async (message: FoundMessage, conversation: ConversationId): Promise<StoredRecord> => {
    const { seq, data, subject } = message;
    const storedMs = message.time.getTime();
    const value = parseStored(data);
    const { data: record } = LogRecord.safeParse(value);
    if (record !== undefined) return { seq, storedMs, record, link: record };
    unreadable.note("record", { subject, seq });
    const link = RecordLink.safeParse(value).data;
    const prev = link?.prev ?? (await seqBefore(conversation, seq));
    return { seq, storedMs, record, link: { conversation_id: conversation, ...link, prev } };
  };

  return {
    async at(conversation: ConversationId, seq: number): Promise<StoredRecord | undefined> {
      if (seq === 0) return undefined;
      const shard = events.shardOf(conversation);
      const known = knownAt(cache, shard, { conversation, seq });
      if (known !== undefined) return known;
      const message = await jsm.lookUp(streams.log(shard), { seq });
      return message === null ? undefined : cache.add(shard, await recordOf(message, conversation));
    },
    async last(conversation: ConversationId): Promise<StoredRecord | undefined> {
      const shard = events.shardOf(conversation);
      const query = { last_by_subj: subjects.log(shard, conversation) };
      const message = await jsm.lookUp(streams.log(shard), query);
      ends.saw(conversation, message?.seq ?? 0);
      if (message === null) return undefined;
      const known = knownAt(cache, shard, { conversation, seq: message.seq });
      const dated = known && cache.dated(shard, known, message.time.getTime());
      return dated ?? cache.add(shard, await recordOf(message, conversation));
    },
    /** A record that was stored just now: the next turn of the conversation reads it, as a rule in the same process. */
    wrote(seq: number, record: LogRecord): void {
      cache.add(events.shardOf(record.conversation_id), { seq, storedMs: Infinity, record, link: record });
    },
    ends,
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

/** Finds a message among the records, from one backwards to those that were stored before its turn was accepted. */
function createLookBack(at: ReturnType<typeof createRecordLookups>["at"]) {
  return async (
    conversation: ConversationId,
    messageId: string,
    { from, acceptedMs }: { from: StoredRecord | undefined; acceptedMs: number },
  ): Promise<LogRecord | undefined> => {
    let stored = from;
    // Of a record without a time it is known that it was stored before the one behind it.
    let storedMs = Infinity;
    for (let i = 0; i < mostLookBack && stored !== undefined; i++) {
      storedMs = Math.min(storedMs, stored.storedMs);
      if (i >= leastLookBack && storedMs < acceptedMs - clockSkewMs) return undefined;
      if (stored.record?.message_id === messageId) return stored.record;
      stored = await at(conversation, stored.link.prev);
    }
    return undefined;
  };
}

/** Collects records, newest first. */
function createPage(limit: number) {
  const records: LogRecord[] = [];
  /** Turns whose answer is on the page, and whose question is not yet. */
  const halves = new Set<TurnId>();
  let looked = 0;
  return {
    records,
    /** Records that cannot be shown do not count, but they are not passed over without end. */
    takes({ record }: StoredRecord): boolean {
      if (looked >= limit + maxPassedOver) return false;
      if (records.length < limit) return true;
      // Also what belongs behind a turn on the page: a later one that ended while it ran.
      const belongs =
        halves.size > 0 || (record !== undefined && records.some((other) => wasAcceptedBefore(other, record)));
      return belongs && records.length < limit + pageLookBack;
    },
    add({ record }: StoredRecord): void {
      looked++;
      if (record === undefined) return;
      records.push(record);
      if (record.author.role === "user") halves.delete(record.turn_id);
      else halves.add(record.turn_id);
    },
  };
}

type NewRecord = Omit<LogRecord, "prev">;

function createAppending(
  events: EventLog,
  { last, at, ends, wrote }: ReturnType<typeof createRecordLookups>,
  lookBack: ReturnType<typeof createLookBack>,
) {
  /** Whoever wrote meanwhile makes the append fail, and then the broker is asked. */
  const newestOf = async (conversation: ConversationId): Promise<StoredRecord | undefined> => {
    const known = ends.take(conversation);
    return known === undefined ? last(conversation) : at(conversation, known);
  };

  /** One try, from the first record that is not stored yet. False: somebody else was quicker, or the broker did not answer. */
  const tryAppend = async (acceptedMs: number, records: readonly [NewRecord, ...NewRecord[]]): Promise<boolean> => {
    const conversation = records[0].conversation_id;
    const newest = await newestOf(conversation);
    const subject = subjects.log(events.shardOf(conversation), conversation);
    let prev = newest?.seq ?? 0;
    for (const record of records) {
      const look = { from: newest, acceptedMs };
      if ((await lookBack(conversation, record.message_id, look)) !== undefined) continue;
      const linked = { ...record, prev };
      const result = await events.append({ subject, data: encodeJson(linked), expect: prev });
      if (result.kind === "too large") throw new EventTooLargeError(result);
      if (result.kind === "refused" && !wrongLastSequence.has(result.code)) throw new Error(result.description);
      if (result.kind === "no room") throw new Error(result.description);
      if (result.kind !== "stored") return false;
      wrote(result.seq, linked);
      prev = result.seq;
    }
    return true;
  };

  return async (acceptedMs: number, ...records: [NewRecord, ...NewRecord[]]): Promise<void> => {
    const backoff = createBackoff({ minMs: 10, maxMs: 1_000 });
    const deadline = performance.now() + writeDeadlineMs;
    let cause: unknown;
    while (performance.now() < deadline) {
      try {
        if (await tryAppend(acceptedMs, records)) return;
      } catch (error) {
        if (error instanceof EventTooLargeError) throw error;
        cause = error;
      }
      await sleep(backoff.nextMs());
    }
    throw new ChatError("OVERLOADED", { cause });
  };
}

/** `LOG`: each conversation is a chain of records, each naming the one before it, so reading the tail never scans the stream. */
export function createTranscripts(jsm: PatientLookups, events: EventLog, unreadable: Unreadable) {
  const lookups = createRecordLookups(jsm, events, unreadable);
  const { at, last } = lookups;
  const lookBack = createLookBack(at);
  const appendOf = createAppending(events, lookups, lookBack);

  return {
    /**
     * Appends records of a turn that was accepted then, by the broker's clock, in order, but for those whose message is already there. Exactly
     * once per message, whoever else tries. Throws OVERLOADED after 15 s, and EventTooLargeError at once.
     */
    appendOf,

    /** The same for records that nobody can have appended long ago. */
    append: (...records: [NewRecord, ...NewRecord[]]): Promise<void> => appendOf(Infinity, ...records),

    /** The newest record there is, if this version can read it. */
    newest: async (conversation: ConversationId): Promise<LogRecord | undefined> => (await last(conversation))?.record,

    /** The record of a message whose turn was accepted then, by the broker's clock. */
    find: async (conversation: ConversationId, messageId: string, acceptedMs: number): Promise<LogRecord | undefined> =>
      lookBack(conversation, messageId, { from: await last(conversation), acceptedMs }),

    /**
     * The newest `limit` records before the cursor (default: the end), and as many more as it takes for the page to begin with a whole turn. In
     * the order in which the turns were accepted.
     */
    async tail(
      conversation: ConversationId,
      { limit, before = 0 }: { limit: number; before?: number },
    ): Promise<TranscriptPage> {
      const page = createPage(limit);
      let stored = before === 0 ? await last(conversation) : await at(conversation, before);
      while (stored !== undefined && page.takes(stored)) {
        page.add(stored);
        stored = await at(conversation, stored.link.prev);
      }
      return { records: inOrderOfAcceptance(page.records.toReversed()), before: stored?.seq ?? 0 };
    },
  };
}
