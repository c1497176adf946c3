import {
  messagesOf,
  parseStored,
  readTurnRecord,
  streams,
  subjects,
  turnOfRecord,
  type ConversationId,
  type TranscriptMessage,
} from "@parley/protocol";
import { createConversationAges } from "./conversation-ages.ts";
import { createConversationDeletion, type ConversationDeletionDeps } from "./conversation-deletion.ts";
import { createOwnerSearch, type OwnerSearchDeps } from "./conversation-owners.ts";
import type { FoundMessage } from "./direct-get.ts";
import { erasedAt } from "./erased-records.ts";
import { outlineOfPosts } from "./post-outline.ts";

export type StoredConversationsDeps = ConversationDeletionDeps & OwnerSearchDeps;

/** What a list says of a conversation. */
export interface ConversationOutline {
  /** Of its first message, by whomever; undefined: it cannot be read. */
  readonly first: string | undefined;
  /** Of its newest record, ms since 1970. */
  readonly updatedMs: number;
}

export type StoredConversations = ReturnType<typeof createStoredConversations>;

/** Whole conversations, as they are stored. */
export function createStoredConversations(deps: StoredConversationsDeps) {
  const { jsm, events, shards } = deps;

  return {
    ...createConversationDeletion(deps),
    ...createListing(deps),
    ...createOwnerSearch(deps),
    ...createConversationAges(deps),

    /** Whether there has been no conversation yet. */
    async isEmpty(): Promise<boolean> {
      for (let shard = 0; shard < shards; shard++) {
        if ((await jsm.streams.info(streams.log(shard))).state.last_seq > 0) return false;
      }
      return true;
    },

    /** Whether the record at this place of the log is one of the conversation's: for places that somebody else named. */
    async hasRecord(conversation: ConversationId, seq: number): Promise<boolean> {
      const shard = events.shardOf(conversation);
      const message = await jsm.lookUp(streams.log(shard), { seq });
      if (message === null) return (await erasedAt(deps, conversation, seq)) !== undefined;
      return message.subject === subjects.log(shard, conversation);
    },
  };
}

/** What lists are made of. */
function createListing(deps: StoredConversationsDeps) {
  const { jsm, events } = deps;
  return {
    /** Undefined: nothing of it is in the log. */
    async outlineOf(conversation: ConversationId): Promise<ConversationOutline | undefined> {
      const shard = events.shardOf(conversation);
      const [stream, subject] = [streams.log(shard), subjects.log(shard, conversation)];
      const newest = await jsm.lookUp(stream, { last_by_subj: subject });
      if (newest === null) return outlineOfPosts(deps, conversation);
      const oldest = await jsm.lookUp(stream, { seq: 1, next_by_subj: subject });
      const updatedMs = messagesIn(newest).at(-1)?.ts ?? newest.time.getTime();
      return { first: oldest === null ? undefined : messagesIn(oldest)[0]?.message, updatedMs };
    },

    /** The first message of a conversation, as it was written; undefined: nothing of it is in the log, or it cannot be read. */
    async firstOf(conversation: ConversationId): Promise<TranscriptMessage | undefined> {
      const shard = events.shardOf(conversation);
      const query = { seq: 1, next_by_subj: subjects.log(shard, conversation) };
      const oldest = await jsm.lookUp(streams.log(shard), query);
      return oldest === null ? undefined : messagesIn(oldest)[0];
    },

    /** When the newest record of a conversation was written; undefined: there is none. */
    async updatedAt(conversation: ConversationId): Promise<number | undefined> {
      const shard = events.shardOf(conversation);
      const newest = await jsm.lookUp(streams.log(shard), { last_by_subj: subjects.log(shard, conversation) });
      if (newest === null) return (await outlineOfPosts(deps, conversation))?.updatedMs;
      return messagesIn(newest).at(-1)?.ts ?? newest.time.getTime();
    },
  };
}

/** One that a newer version wrote is not a reason to lose the conversation. */
function messagesIn({ data, seq }: FoundMessage): TranscriptMessage[] {
  const record = readTurnRecord(parseStored(data));
  return record === undefined ? [] : messagesOf([turnOfRecord(record, seq)]);
}
