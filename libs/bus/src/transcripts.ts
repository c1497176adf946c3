import type { StoredMsg } from "@nats-io/jetstream";
import type { PatientLookups } from "./patient-lookups.ts";
import { ChatError, LogRecord, decodeJson, encodeJson, streams, subjects, type ConversationId } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { wrongLastSequence } from "./appender.ts";
import type { EventLog } from "./event-log.ts";
import { createRecordCache, type StoredRecord } from "./record-cache.ts";

export interface TranscriptPage {
  /** Oldest first. */
  readonly records: LogRecord[];
  /** Give it as `before` to read what is older; 0: nothing is. */
  readonly before: number;
}

export type Transcripts = ReturnType<typeof createTranscripts>;

const writeDeadlineMs = 15_000;
/** Records of one turn stand together, but for turns that were cancelled while they waited: that many may be in between. */
export const transcriptLookBack = 16;

function recordOf(message: StoredMsg | null): StoredRecord | undefined {
  return message === null ? undefined : { seq: message.seq, record: decodeJson(LogRecord, message.data) };
}

/** Reads one record at a time: the last one, or the one at a sequence. */
function createRecordLookups(jsm: PatientLookups, events: EventLog) {
  const cache = createRecordCache();

  return {
    async at(conversation: ConversationId, seq: number): Promise<StoredRecord | undefined> {
      if (seq === 0) return undefined;
      const shard = events.shardOf(conversation);
      const known = cache.get(shard, seq);
      // A log that was made anew counts from one again: what is remembered may be another conversation's.
      if (known?.record.conversation_id === conversation) return known;
      const stored = recordOf(await jsm.lookUp(streams.log(shard), { seq }));
      return stored === undefined ? undefined : cache.add(shard, stored);
    },
    async last(conversation: ConversationId): Promise<StoredRecord | undefined> {
      const shard = events.shardOf(conversation);
      const query = { last_by_subj: subjects.log(shard, conversation) };
      const stored = recordOf(await jsm.lookUp(streams.log(shard), query));
      return stored === undefined ? undefined : cache.add(shard, stored);
    },
  };
}

/** Whether a message is among the last records. */
function createLookBack(at: ReturnType<typeof createRecordLookups>["at"]) {
  return async (conversation: ConversationId, messageId: string, from: StoredRecord | undefined): Promise<boolean> => {
    let stored = from;
    for (let i = 0; i < transcriptLookBack && stored !== undefined; i++) {
      if (stored.record.message_id === messageId) return true;
      stored = await at(conversation, stored.record.prev);
    }
    return false;
  };
}

type NewRecord = Omit<LogRecord, "prev">;

/** `LOG`: each conversation is a chain of records, each naming the one before it, so reading the tail never scans the stream. */
export function createTranscripts(jsm: PatientLookups, events: EventLog) {
  const { at, last } = createRecordLookups(jsm, events);
  const isStored = createLookBack(at);

  /** One try, from the first record that is not stored yet. False: somebody else was quicker, or the broker did not answer. */
  const tryAppend = async (conversation: ConversationId, records: readonly NewRecord[]): Promise<boolean> => {
    const newest = await last(conversation);
    const subject = subjects.log(events.shardOf(conversation), conversation);
    let prev = newest?.seq ?? 0;
    for (const record of records) {
      if (await isStored(conversation, record.message_id, newest)) continue;
      const result = await events.append({ subject, data: encodeJson({ ...record, prev }), expect: prev });
      if (result.kind === "refused" && !wrongLastSequence.has(result.code)) throw new Error(result.description);
      if (result.kind !== "stored") return false;
      prev = result.seq;
    }
    return true;
  };

  return {
    /**
     * Appends records of one conversation, in order, but for those whose message is already there. Exactly once per message, whoever else
     * tries. Throws OVERLOADED after 15 s.
     */
    async append(...records: [NewRecord, ...NewRecord[]]): Promise<void> {
      const backoff = createBackoff({ minMs: 10, maxMs: 1_000 });
      const deadline = performance.now() + writeDeadlineMs;
      let cause: unknown;
      while (performance.now() < deadline) {
        try {
          if (await tryAppend(records[0].conversation_id, records)) return;
        } catch (error) {
          cause = error;
        }
        await sleep(backoff.nextMs());
      }
      throw new ChatError("OVERLOADED", { cause });
    },

    /** The newest `limit` records before the cursor (default: the end). */
    async tail(
      conversation: ConversationId,
      { limit, before = 0 }: { limit: number; before?: number },
    ): Promise<TranscriptPage> {
      const records: LogRecord[] = [];
      let stored = before === 0 ? await last(conversation) : await at(conversation, before);
      while (stored !== undefined && records.length < limit) {
        records.push(stored.record);
        stored = await at(conversation, stored.record.prev);
      }
      return { records: records.toReversed(), before: stored?.seq ?? 0 };
    },
  };
}
