import type { Bus } from "@parley/bus";
import {
  changedMessage,
  changedTurns,
  type Changes,
  type ConversationId,
  type MessageChanges,
  type StoredTurn,
  type TranscriptMessage,
} from "@parley/protocol";

/** Whether messages of a conversation were changed after they were written, as far as this process knows. */
export type HasChanges = (conversation: ConversationId) => Promise<boolean>;

export type ChangesOf = (
  conversation: ConversationId,
  messages: readonly Pick<TranscriptMessage, "message_id">[],
) => Promise<Changes>;

/** What became of messages after they were written; nothing is looked up where there is no such thing. */
export function createChangesOf({ changes }: Pick<Bus, "changes">, hasChanges: HasChanges): ChangesOf {
  return async (conversation, messages) => {
    if (messages.length === 0 || !(await hasChanges(conversation))) return new Map();
    return changes.of(
      conversation,
      messages.map(({ message_id }) => message_id),
    );
  };
}

export interface PageNow {
  readonly messages: readonly TranscriptMessage[];
  readonly turns: readonly StoredTurn[];
  readonly changes: readonly MessageChanges[];
}

/** A page as it stands now. */
export function pageNow({ messages, turns }: Omit<PageNow, "changes">, changes: Changes): PageNow {
  return {
    messages: messages.map((message) => changedMessage(message, changes.get(message.message_id))),
    turns: changedTurns(turns, changes),
    changes: [...changes.values()],
  };
}
