import { ChatError, clientLimits, fitsFrame, textBytes } from "@parley/protocol/fold";
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
  if (size > clientLimits.messageBytes || !fitsFrame(frame)) {
    return new ChatError("MESSAGE_TOO_LARGE", "The message is too large.");
  }
  const others = [...waiting];
  const inConversation = others.filter(({ conversation_id }) => conversation_id === frame.conversation_id).length;
  const bytes = others.reduce((sum, other) => sum + textBytes(other.message), size);
  if (inConversation >= clientLimits.turnsPerConversation)
    return queueFull("Too many messages wait in this conversation.");
  if (others.length >= most.messages) return queueFull(`${most.messages} messages wait to be sent already.`);
  if (bytes > most.bytes) return queueFull("The messages that wait to be sent leave no room for this one.");
  return undefined;
}

function queueFull(message: string): ChatError {
  return new ChatError("QUEUE_FULL", message, true);
}
