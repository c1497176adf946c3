import type { PatientLookups } from "./patient-lookups.ts";
import { OwnerRecord, decodeJson, streams, subjects, type ConversationId } from "@parley/protocol";
import type { EventLog } from "./event-log.ts";

export interface OwnerScan {
  readonly conversations: ConversationId[];
  /** Whether all owner records were looked at. */
  readonly isWhole: boolean;
}

export interface OwnerScanLimits {
  /** Owner records looked at, of all users. */
  readonly maxRecords: number;
  readonly signal: AbortSignal;
}

export type StoredConversations = ReturnType<typeof createStoredConversations>;

/** Whole conversations, as they are stored. */
export function createStoredConversations(jsm: PatientLookups, events: EventLog, shards: number) {
  return {
    /**
     * Removes all events and the transcript. Whose the conversation was stays recorded: its id must never become somebody else's while
     * edges remember the owner. Can be repeated; throws when the broker does not answer.
     */
    async purge(conversation: ConversationId): Promise<void> {
      const shard = events.shardOf(conversation);
      await jsm.streams.purge(streams.events(shard), { filter: subjects.eventsOf(shard, conversation) });
      await jsm.streams.purge(streams.log(shard), { filter: subjects.log(shard, conversation) });
    },

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
      return message?.subject === subjects.log(shard, conversation);
    },

    /** The conversations of a user, by looking at the owner records of all: for rebuilding what was lost. Newest last. */
    async ownedBy(userId: string, { maxRecords, signal }: OwnerScanLimits): Promise<OwnerScan> {
      const conversations: ConversationId[] = [];
      let seen = 0;
      for (let shard = 0; shard < shards; shard++) {
        for (let seq = 1; ; seen++) {
          if (seen >= maxRecords || signal.aborted) return { conversations, isWhole: false };
          const query = { seq, next_by_subj: subjects.allOwners(shard) };
          const message = await jsm.lookUp(streams.log(shard), query);
          if (message === null) break;
          seq = message.seq + 1;
          const { user_id } = decodeJson(OwnerRecord, message.data);
          if (user_id === userId) conversations.push(message.subject.split(".").at(-1) ?? "");
        }
      }
      return { conversations, isWhole: true };
    },
  };
}
