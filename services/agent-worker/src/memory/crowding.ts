import type { StoredTurn } from "@parley/protocol";

/** When a conversation is so long that its beginning has to be summarised. Pure. */

export interface CrowdingBounds {
  /** Messages of the transcript that are looked at for a turn. */
  readonly messages: number;
  /** Messages given to the model, as far as they are known. */
  readonly bytes: number;
}

type Said = Pick<StoredTurn, "question" | "answer">;

/** The beginning is summarised when so much of the room is used, in order that it is done before anything has to be left out. */
const fullShare = 0.6;
const fullMessagesShare = 0.75;
/** And so much stays as it was said. */
const keptShare = 0.3;
const keptMessagesShare = 0.4;
/** Names of fields, and what stands around a message. */
const aroundBytes = 100;

/** About what a turn takes: escapes, of which there are few, are not counted. */
function sizeOf({ question, answer }: Said): number {
  const texts = [question?.message, answer?.message, ...(answer?.tool_calls ?? []).map(({ result }) => result)];
  return texts.reduce((bytes, text) => (text === undefined ? bytes : bytes + Buffer.byteLength(text) + aroundBytes), 0);
}

function messagesOf({ question, answer }: Said): number {
  return (question === undefined ? 0 : 1) + (answer === undefined ? 0 : 1);
}

function exceeds(turns: readonly Said[], bytes: number, messages: number): boolean {
  let [usedBytes, usedMessages] = [0, 0];
  return turns.some((turn) => {
    usedBytes += sizeOf(turn);
    usedMessages += messagesOf(turn);
    return usedBytes > bytes || usedMessages >= messages;
  });
}

/** Whether there may be more than what was read, or more than fits. */
export function mayHaveSummary(turns: readonly Said[], { messages, bytes }: CrowdingBounds): boolean {
  return exceeds(turns, bytes * fullShare, messages);
}

/** Whether a part of these has to be summarised. */
export function isCrowded(turns: readonly Said[], { messages, bytes }: CrowdingBounds): boolean {
  return exceeds(turns, bytes * fullShare, messages * fullMessagesShare);
}

/** How many of them are summarised, from the oldest on; the last turn stays in any case. */
export function countToSummarise(turns: readonly Said[], { messages, bytes }: CrowdingBounds): number {
  let kept = 0;
  for (let count = 1; count <= turns.length; count++) {
    if (count > 1 && exceeds(turns.slice(-count), bytes * keptShare, messages * keptMessagesShare + 1)) break;
    kept = count;
  }
  return turns.length - kept;
}
