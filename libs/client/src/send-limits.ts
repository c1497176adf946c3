import { ChatError, clientLimits, textBytes } from "@parley/protocol/fold";
import type { SendQueueLimits } from "./options.ts";
import type { OutgoingMessage } from "./send-store.ts";

/** Why a message cannot wait beside those that wait already. */
export function sendProblem(
  frame: OutgoingMessage,
  waiting: ReadonlySet<OutgoingMessage>,
  most: SendQueueLimits,
): ChatError | undefined {
  const size = textBytes(frame.message);
  // A frame above the server's limit could cost the connection, and again after every reconnect.
  const frameBytes = size + textBytes(JSON.stringify({ ...frame, message: "" }));
  if (size > clientLimits.messageBytes || frameBytes > clientLimits.clientFrameBytes) {
    return new ChatError("MESSAGE_TOO_LARGE", "The message is too large.");
  }
  const others = [...waiting];
  const inConversation = others.filter(({ conversation_id }) => conversation_id === frame.conversation_id).length;
  const bytes = others.reduce((sum, other) => sum + textBytes(other.message), size);
  if (inConversation >= clientLimits.turnsPerConversation)
    return queueFull("Too many messages wait in this conversation.");
  if (others.length >= most.messages || bytes > most.bytes) return queueFull("Too many messages wait.");
  return undefined;
}

export function queueFull(message: string): ChatError {
  return new ChatError("QUEUE_FULL", message, true);
}
