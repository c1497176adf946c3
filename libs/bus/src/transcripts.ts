import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { ChatError, LogRecord, decodeJson, encodeJson, streams, subjects, type ConversationId } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { wrongLastSequence } from "./appender.ts";
import type { EventLog } from "./event-log.ts";

interface StoredRecord {
  readonly seq: number;
  readonly record: LogRecord;
}

export interface TranscriptPage {
  /** Oldest first. */
  readonly records: LogRecord[];
  /** Give it as `before` to read what is older; 0: nothing is. */
  readonly before: number;
}

export type Transcripts = ReturnType<typeof createTranscripts>;

const writeDeadlineMs = 15_000;
/** Records of one turn stand together, but for turns that were cancelled while they waited: that many may be in between. */
const lookBack = 16;

function recordOf(message: StoredMsg | null): StoredRecord | undefined {
  return message === null ? undefined : { seq: message.seq, record: decodeJson(LogRecord, message.data) };
}

/** Reads one record at a time: the last one, or the one at a sequence. */
function createRecordLookups(jsm: JetStreamManager, events: EventLog) {
  return {
    async at(conversation: ConversationId, seq: number): Promise<StoredRecord | undefined> {
      if (seq === 0) return undefined;
      return recordOf(await jsm.direct.getMessage(streams.log(events.shardOf(conversation)), { seq }));
    },
    async last(conversation: ConversationId): Promise<StoredRecord | undefined> {
      const shard = events.shardOf(conversation);
      const query = { last_by_subj: subjects.log(shard, conversation) };
      return recordOf(await jsm.direct.getMessage(streams.log(shard), query));
    },
  };
}

/** `LOG`: each conversation is a chain of records, each naming the one before it, so reading the tail never scans the stream. */
export function createTranscripts(jsm: JetStreamManager, events: EventLog) {
  const { at, last } = createRecordLookups(jsm, events);

  /** Whether the message is among the last records. */
  const isStored = async (conversation: ConversationId, messageId: string, from: StoredRecord | undefined) => {
    let stored = from;
    for (let i = 0; i < lookBack && stored !== undefined; i++) {
      if (stored.record.message_id === messageId) return true;
      stored = await at(conversation, stored.record.prev);
    }
    return false;
  };

  /** One try. False: somebody else was quicker, or the broker did not answer. */
  const tryAppend = async (record: Omit<LogRecord, "prev">): Promise<boolean> => {
    const { conversation_id: conversation, message_id } = record;
    const newest = await last(conversation);
    if (await isStored(conversation, message_id, newest)) return true;
    const prev = newest?.seq ?? 0;
    const subject = subjects.log(events.shardOf(conversation), conversation);
    const result = await events.append({ subject, data: encodeJson({ ...record, prev }), expect: prev });
    if (result.kind === "refused" && !wrongLastSequence.has(result.code)) throw new Error(result.description);
    return result.kind === "stored";
  };

  return {
    /** Appends a record unless its message is already there. Exactly once per message, whoever else tries. Throws OVERLOADED after 15 s. */
    async append(record: Omit<LogRecord, "prev">): Promise<void> {
      const backoff = createBackoff({ minMs: 10, maxMs: 1_000 });
      const deadline = performance.now() + writeDeadlineMs;
      let cause: unknown;
      while (performance.now() < deadline) {
        try {
          if (await tryAppend(record)) return;
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
