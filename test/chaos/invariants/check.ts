import type { ConversationHistory, History, Violation } from "../history.ts";
import { checkBase } from "./base.ts";
import { checkCancels } from "./cancel.ts";
import { checkChains } from "./chain.ts";
import { checkEnds } from "./ends.ts";
import { checkCalls, checkExecutions, checkRepeats } from "./once.ts";
import { checkOrder } from "./order.ts";
import { checkTranscript } from "./transcript.ts";
import { checkViewer } from "./viewer.ts";
import { wireOffsetOf } from "./wire-offset.ts";

/** Every promise that the history breaks. */
export function checkHistory(history: History): Violation[] {
  const offset = offsetOf(history.conversations);
  return [
    ...history.conversations.flatMap((conversation) => checkConversation(conversation, history, offset)),
    ...checkExecutions(history),
    ...checkBase(history.figures),
  ];
}

function checkConversation(
  conversation: ConversationHistory,
  { expected, modelRequests }: History,
  offset: number | undefined,
): Violation[] {
  return [
    ...checkEnds(conversation, expected),
    ...checkChains(conversation, expected.logLost),
    ...checkOrder(conversation),
    ...checkRepeats(conversation),
    ...checkCalls(conversation),
    ...checkCancels(conversation, modelRequests, expected),
    ...checkTranscript(conversation),
    ...conversation.recordings.flatMap((recording) => checkViewer(conversation, recording, offset, expected)),
  ];
}

/** All conversations of a scenario share the event stream, and with it the offset. */
function offsetOf(conversations: readonly ConversationHistory[]): number | undefined {
  for (const { events, recordings } of conversations) {
    const offset = wireOffsetOf(events, recordings);
    if (offset !== undefined) return offset;
  }
  return undefined;
}
