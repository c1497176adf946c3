import {
  PostRecord,
  RecordLink,
  parseStored,
  streams,
  subjects,
  type ConversationId,
  type PostEvent,
} from "@parley/protocol";
import { createGate } from "@parley/runtime";
import type { FoundMessage } from "./direct-get.ts";
import { erasedAt } from "./erased-records.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { createRecordCache } from "./record-cache.ts";
import { createWalk, type RecordWalk } from "./record-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface PostRecordDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly unreadable: Unreadable;
}

export interface StoredPost {
  readonly seq: number;
  /** When it was stored, by the broker's clock. */
  readonly storedMs: number;
  /** Encoded. */
  readonly bytes: number;
  /** Undefined: the conversation was deleted, or only a newer version can read it. */
  readonly post: PostEvent | undefined;
  readonly isDeletion: boolean;
  readonly link: RecordLink;
}

/** Records that are asked for at a time, by all readers of this process: see `createRecordLookups`. */
const lookUpsAtOnce = 32;

export type PostRecords = ReturnType<typeof createPostRecords>;

/** Reads what people wrote to each other by its place, and remembers it. */
export function createPostRecords({ jsm, events, unreadable }: PostRecordDeps) {
  const cache = createRecordCache<StoredPost>();
  const gate = createGate(lookUpsAtOnce);
  const subjectOf = (conversation: ConversationId): string => subjects.post(events.shardOf(conversation), conversation);

  const read = (message: FoundMessage, conversation: ConversationId): StoredPost => {
    const value = parseStored(message.data);
    const { data: record } = PostRecord.safeParse(value);
    const link = record ?? RecordLink.safeParse(value).data ?? { conversation_id: conversation, prev: 0 };
    if (record === undefined) unreadable.note("record", message);
    const { conversation_id, prev, back } = link;
    return {
      ...{ seq: message.seq, storedMs: message.time.getTime(), bytes: message.data.length },
      post: record?.post,
      isDeletion: record !== undefined && record.post === undefined,
      link: { conversation_id, prev, ...(back === undefined ? {} : { back }) },
    };
  };

  /** Whatever a record says of its place: no other conversation's is ever taken for one of this. */
  const at = async (conversation: ConversationId, seq: number): Promise<StoredPost | undefined> => {
    if (seq === 0) return undefined;
    const shard = events.shardOf(conversation);
    const known = cache.get(shard, seq);
    if (known?.link.conversation_id === conversation) return known;
    const kept = await gate(() => jsm.lookUpKept(streams.log(shard), seq));
    const message = kept ?? (await erasedAt({ jsm, events }, conversation, seq));
    if (message === undefined || (kept !== null && kept.subject !== subjectOf(conversation))) return undefined;
    return cache.add(shard, read(message, conversation));
  };

  return {
    subjectOf,
    at,

    /** The newest one; may be a moment old. */
    async last(conversation: ConversationId): Promise<StoredPost | undefined> {
      const stream = streams.log(events.shardOf(conversation));
      const message = await jsm.lookUp(stream, { last_by_subj: subjectOf(conversation) });
      return message === null ? undefined : read(message, conversation);
    },

    /** The same by the word of the stream's leader. */
    async lastFromLeader(conversation: ConversationId): Promise<StoredPost | undefined> {
      const stream = streams.log(events.shardOf(conversation));
      const message = await jsm.streams.getMessage(stream, { last_by_subj: subjectOf(conversation) });
      return message === null ? undefined : read(message, conversation);
    },

    walk: (conversation: ConversationId): RecordWalk<StoredPost> => createWalk((seq) => at(conversation, seq)),

    /** All but the last one. */
    dropEarlier: async (conversation: ConversationId): Promise<void> =>
      void (await jsm.streams.purge(streams.log(events.shardOf(conversation)), {
        filter: subjectOf(conversation),
        keep: 1,
      })),
  };
}
