import type { Client, Conversation, OutgoingView, SendOptions } from "@parley/client";
import { useMemo } from "react";
import type { ConversationState } from "./conversation-store.ts";
import { useClient } from "./provider.ts";
import { useConversationState } from "./use-conversation.ts";

export interface Sending {
  /** What becomes of the message is in `outgoing`, and then in the view. False: the client is closed, and takes nothing. */
  readonly send: (text: string, options?: SendOptions) => boolean;
  /** Sent here and not in the view yet, oldest first. */
  readonly outgoing: readonly OutgoingView[];
  /** Sends a message that has failed once more. */
  readonly retry: (id: string) => void;
  /** Forgets a message that has failed. */
  readonly discard: (id: string) => void;
}

export function useSend(conversation: Conversation): Sending {
  const outgoing = useConversationState(conversation, outgoingOf);
  const client = useClient();
  const actions = useMemo(() => actionsOf(client, conversation), [client, conversation]);
  return useMemo(() => ({ ...actions, outgoing }), [actions, outgoing]);
}

function actionsOf(client: Client, { send, retry, discard }: Conversation) {
  return {
    send: (text: string, options?: SendOptions): boolean => {
      if (client.state.name === "closed") return false;
      // A refusal is in `outgoing`.
      send(text, options).catch(() => undefined);
      return true;
    },
    retry,
    discard,
  };
}

function outgoingOf({ outgoing }: ConversationState): readonly OutgoingView[] {
  return outgoing;
}
