import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import {
  ChatError,
  LogRecord,
  OwnerRecord,
  decodeJson,
  encodeJson,
  streams,
  subjects,
  type ConversationId,
} from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { wrongLastSequence } from "./appender.ts";
import type { EventLog } from "./event-log.ts";

export interface StoredRecord {
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
export type Owners = ReturnType<typeof createOwners>;

const writeDeadlineMs = 15_000;
/** Records of one turn stand together, but for turns that were cancelled while they waited: that many may be in between. */
const lookBack = 16;

/** `LOG`: each conversation is a chain of records, each naming the one before it, so reading the tail never scans the stream. */
export function createTranscripts(jsm: JetStreamManager, events: EventLog) {
  const at = async (conversation: ConversationId, seq: number): Promise<StoredRecord | undefined> => {
    const message = await jsm.direct.getMessage(streams.log(events.shardOf(conversation)), { seq });
    return message === null ? undefined : recordOf(message);
  };
  const lastOf = async (conversation: ConversationId): Promise<StoredRecord | undefined> => {
    const shard = events.shardOf(conversation);
    const message = await jsm.direct.getMessage(streams.log(shard), {
      last_by_subj: subjects.log(shard, conversation),
    });
    return message === null ? undefined : recordOf(message);
  };
  /** Whether the message is among the last records. */
  const isStored = async (
    conversation: ConversationId,
    messageId: string,
    from: StoredRecord | undefined,
  ): Promise<boolean> => {
    let stored = from;
    for (let i = 0; i < lookBack && stored !== undefined; i++) {
      if (stored.record.message_id === messageId) return true;
      stored = stored.record.prev === 0 ? undefined : await at(conversation, stored.record.prev);
    }
    return false;
  };

  return {
    lastOf,

    /** Appends a record unless its message is already there. Exactly once per message, whoever else tries. Throws OVERLOADED after 15 s. */
    async append(record: Omit<LogRecord, "prev">): Promise<void> {
      const conversation = record.conversation_id;
      const subject = subjects.log(events.shardOf(conversation), conversation);
      const backoff = createBackoff({ minMs: 10, maxMs: 1_000 });
      const deadline = performance.now() + writeDeadlineMs;
      while (performance.now() < deadline) {
        const last = await lastOf(conversation).catch(() => null);
        if (last !== null) {
          if (await isStored(conversation, record.message_id, last).catch(() => false)) return;
          const prev = last?.seq ?? 0;
          const result = await events.append({ subject, data: encodeJson({ ...record, prev }), expect: prev });
          if (result.kind === "stored") return;
          if (result.kind === "refused" && !wrongLastSequence.has(result.code))
            throw new Error(`LOG refused: ${result.description}`);
        }
        await sleep(backoff.nextMs());
      }
      throw new ChatError("OVERLOADED", { cause: new Error(`could not write the transcript of ${conversation}`) });
    },

    /** The newest `limit` records before the cursor (default: the end). */
    async tail(
      conversation: ConversationId,
      { limit, before = 0 }: { limit: number; before?: number },
    ): Promise<TranscriptPage> {
      const records: LogRecord[] = [];
      let stored = before === 0 ? await lastOf(conversation) : await at(conversation, before);
      while (stored !== undefined && records.length < limit) {
        records.push(stored.record);
        stored = stored.record.prev === 0 ? undefined : await at(conversation, stored.record.prev);
      }
      return { records: records.toReversed(), before: stored?.seq ?? 0 };
    },
  };
}

function recordOf(message: StoredMsg): StoredRecord {
  return { seq: message.seq, record: decodeJson(LogRecord, message.data) };
}

/** Whose conversation it is: written once, by the first who uses its id. */
export function createOwners(jsm: JetStreamManager, events: EventLog) {
  const ownerOf = async (conversation: ConversationId): Promise<string | undefined> => {
    const shard = events.shardOf(conversation);
    const message = await jsm.direct.getMessage(streams.log(shard), {
      last_by_subj: subjects.owner(shard, conversation),
    });
    return message === null ? undefined : decodeJson(OwnerRecord, message.data).user_id;
  };
  return {
    ownerOf,

    /** Makes the user the owner if nobody is; returns who is. Throws OVERLOADED after 10 s without the broker. */
    async claim(conversation: ConversationId, userId: string): Promise<string> {
      const subject = subjects.owner(events.shardOf(conversation), conversation);
      const data = encodeJson({ v: 1, user_id: userId, ts: Date.now() } satisfies OwnerRecord);
      const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
      const deadline = performance.now() + 10_000;
      while (performance.now() < deadline) {
        const result = await events.append({ subject, data, expect: 0 });
        if (result.kind === "stored") return userId;
        const owner = result.kind === "refused" ? await ownerOf(conversation).catch(() => undefined) : undefined;
        if (owner !== undefined) return owner;
        await sleep(backoff.nextMs());
      }
      throw new ChatError("OVERLOADED", { cause: new Error(`could not record the owner of ${conversation}`) });
    },
  };
}
