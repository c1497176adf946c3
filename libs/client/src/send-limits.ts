import { ChatError, clientLimits, fitsFrame } from "@parley/protocol/fold";
import type { SendQueueLimits } from "./options.ts";
import type { OutgoingMessage } from "./send-store.ts";

/** What of all conversations together waits for its answer. */
export interface SendLimits {
  /** Why a message cannot wait as well; `waiting`: those of its conversation. */
  readonly problemOf: (frame: OutgoingMessage, waiting: number) => ChatError | undefined;
  readonly take: (frame: OutgoingMessage) => void;
  readonly give: (frame: OutgoingMessage) => void;
}

export function createSendLimits({ messages, bytes }: SendQueueLimits): SendLimits {
  const used = { messages: 0, bytes: 0 };

  function count(frame: OutgoingMessage, sign: 1 | -1): void {
    used.messages += sign;
    used.bytes += sign * bytesOf(frame.message);
  }

  return {
    problemOf: (frame, waiting) => {
      const size = bytesOf(frame.message);
      // A frame above the server's limit could cost the connection, and again after every reconnect.
      if (size > clientLimits.messageBytes || !fitsFrame(frame)) return new ChatError("MESSAGE_TOO_LARGE", "The message is too large.");
      if (waiting >= clientLimits.turnsPerConversation) return queueFull("Too many messages are waiting in this conversation.");
      if (used.messages >= messages) return queueFull(`${messages} messages wait to be sent already.`);
      if (used.bytes + size > bytes) return queueFull("The messages that wait to be sent leave no room for this one.");
      return undefined;
    },
    take: (frame) => count(frame, 1),
    give: (frame) => count(frame, -1),
  };
}

function queueFull(message: string): ChatError {
  return new ChatError("QUEUE_FULL", message, true);
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
