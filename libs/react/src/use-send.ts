import type { Conversation, SendOptions } from "@parley/client";
import { useMemo } from "react";
import { conversationStore, type ConversationState } from "./conversation-store.ts";
import type { OutgoingView } from "./outgoing.ts";
import { useConversationState } from "./use-conversation.ts";

export interface Sending {
  /** Never throws: what becomes of the message is in `outgoing`, and then in the view. */
  readonly send: (text: string, options?: SendOptions) => void;
  /** Sent here and not in the view yet, oldest first. */
  readonly outgoing: readonly OutgoingView[];
  readonly retry: (id: string) => void;
  readonly discard: (id: string) => void;
}

export function useSend(conversation: Conversation): Sending {
  const { outbox } = conversationStore(conversation);
  const outgoing = useConversationState(conversation, outgoingOf);
  return useMemo(
    () => ({ send: outbox.send, retry: outbox.retry, discard: outbox.discard, outgoing }),
    [outbox, outgoing],
  );
}

function outgoingOf({ outgoing }: ConversationState): readonly OutgoingView[] {
  return outgoing;
}
