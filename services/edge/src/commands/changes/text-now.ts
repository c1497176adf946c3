import type { Bus } from "@parley/bus";
import { messageIdOf, type ConversationId, type MessageChanges, type TurnId } from "@parley/protocol";

/** What became of the question of a turn after it was written; undefined: nothing. */
export type QuestionNow = (conversation: ConversationId, turn: TurnId) => Promise<MessageChanges | undefined>;

/** Nothing is looked up where no message of the conversation was changed. */
export function createQuestionNow(
  { changes }: Pick<Bus, "changes">,
  hasChanges: (conversation: ConversationId) => Promise<boolean>,
): QuestionNow {
  return async (conversation, turn) => {
    if (!(await hasChanges(conversation))) return undefined;
    const id = messageIdOf(turn, "user");
    return (await changes.of(conversation, [id])).get(id);
  };
}
