import type { ConversationHistory, History, Violation } from "../history.ts";
import type { Expected } from "../scenario.ts";
import { checkAgreements } from "./agreed.ts";
import { checkBase } from "./base.ts";
import { checkCancels } from "./cancel.ts";
import { checkChains } from "./chain.ts";
import { checkDialects } from "./dialects.ts";
import { checkEnds } from "./ends.ts";
import { checkCalls, checkExecutions, checkRepeats } from "./once.ts";
import { checkOrder } from "./order.ts";
import { checkTranscript } from "./transcript.ts";
import { checkViewer } from "./viewer.ts";
import { checkGeneration, wireOffsetsOf } from "./wire-offset.ts";

/** Every promise that the history breaks. */
export function checkHistory(history: History): Violation[] {
  const offsets = offsetsOf(history.conversations);
  const [offset] = offsets;
  return [
    ...checkGeneration(offsets, history.expected.logLost),
    ...history.conversations.flatMap((conversation) => checkConversation(conversation, history, offset)),
    ...checkExecutions(history),
    ...checkBase(history.figures),
  ];
}

function checkConversation(
  conversation: ConversationHistory,
  { expected, modelRequests, executions }: History,
  offset: number | undefined,
): Violation[] {
  return [
    ...checkEnds(conversation, expected),
    ...checkChains(conversation, expected.logLost),
    ...checkOrder(conversation),
    ...checkRepeats(conversation),
    ...checkCalls(conversation),
    ...checkCancels(conversation, modelRequests, expected),
    ...checkAgreements(conversation, executions, expected),
    ...checkTranscript(conversation),
    ...checkDialects(conversation),
    ...conversation.recordings.flatMap((recording) => checkViewer(conversation, recording, offset, expected)),
  ];
}

/** What devices have seen that breaks a promise, as far as they have been recorded. */
export function checkViewers(conversations: readonly ConversationHistory[], expected: Expected): Violation[] {
  const [offset] = offsetsOf(conversations);
  return conversations.flatMap((conversation) =>
    conversation.recordings.flatMap((recording) => checkViewer(conversation, recording, offset, expected)),
  );
}

/** All conversations of a scenario share the event stream, and with it the offset. */
function offsetsOf(conversations: readonly ConversationHistory[]): Set<number> {
  return new Set(conversations.flatMap(({ events, recordings }) => [...wireOffsetsOf(events, recordings)]));
}
