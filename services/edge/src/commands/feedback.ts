import { noSuchAnswer, type Bus, type RatedAnswer } from "@parley/bus";
import {
  ChatError,
  commentText,
  limits,
  turnOfAnswer,
  type Caller,
  type ConversationId,
  type FeedbackFrame,
  type FeedbackStoredFrame,
  type TurnId,
} from "@parley/protocol";
import { createFairGate } from "../fair-gate.ts";
import { countOne, type Counters } from "../figures/metrics.ts";
import type { Ownership } from "./ownership.ts";

export interface FeedbackDeps {
  readonly bus: Pick<Bus, "feedback" | "transcripts">;
  readonly ownership: Ownership;
  readonly counters: Pick<Counters, "feedback">;
}

/** An answer may stand 10,000 records back, and each of them has to be read: who asks for many at once, perhaps for ones that never were, waits. */
const searches = { atOnce: 4, perUser: 8 };

/** `feedback`: says what one thinks of an answer in a conversation of one's own. Returns what counts then. */
export function createFeedbackHandler({ bus, ownership, counters }: FeedbackDeps) {
  const enter = createFairGate(searches);

  return async (caller: Caller, frame: Omit<FeedbackFrame, "type">): Promise<FeedbackStoredFrame> => {
    const { id, conversation_id, message_id, rating } = frame;
    await ownership.check(conversation_id, caller, "conversation:feedback");
    const comment = rating === null ? undefined : commentIn(frame.comment);
    const turn_id = turnOfAnswer(message_id);
    if (turn_id === undefined) throw noSuchAnswer();
    const said = { message_id, turn_id, user_id: caller.user.id, rating, comment };
    const find = (): Promise<RatedAnswer | undefined> => answerOf(bus.transcripts, conversation_id, turn_id);
    const isChange = await enter(caller.user.id, () => bus.feedback.give(conversation_id, said, find));
    if (isChange) countOne(counters.feedback, rating ?? "taken back");
    return {
      type: "feedback",
      ...(id === undefined ? {} : { id }),
      ...{ conversation_id, message_id, rating },
      ...(comment === undefined ? {} : { comment }),
    };
  };
}

/** Undefined: it says nothing. Throws MESSAGE_TOO_LARGE. */
function commentIn(text: string | undefined): string | undefined {
  const comment = commentText(text ?? "");
  if (Buffer.byteLength(comment) > limits.feedbackCommentBytes) {
    const message = `The comment is too long: at most ${limits.feedbackCommentBytes / 1024} KB.`;
    throw new ChatError("MESSAGE_TOO_LARGE", { message });
  }
  return comment === "" ? undefined : comment;
}

/** Undefined: nothing is recorded of it, so it has not ended, or is no more. */
async function answerOf(
  transcripts: Pick<Bus["transcripts"], "find">,
  conversation: ConversationId,
  turn: TurnId,
): Promise<RatedAnswer | undefined> {
  const answer = (await transcripts.find(conversation, turn, 0))?.answer;
  if (answer === undefined) return undefined;
  const { agent, model } = answer.metadata ?? {};
  return { ...(agent === undefined ? {} : { agent }), ...(model === undefined ? {} : { model }) };
}
