import { ChatError, type ConversationId, type FrameError } from "@parley/protocol";
import type { Hubs } from "../hub/hubs.ts";
import type { Outbox } from "../socket/outbox.ts";

export interface DeletionNoticeDeps {
  readonly hubs: Pick<Hubs, "forget">;
  readonly outbox: Pick<Outbox, "sendFrame">;
}

/**
 * What an edge does when a conversation was deleted, by it or another one: its hub forgets all, and who looks at it is told. They stay its
 * viewers: what is said from now on begins the conversation anew, and a message that was accepted at that very moment still gets its end.
 */
export function createDeletionNotice({ hubs, outbox }: DeletionNoticeDeps) {
  return (conversation: ConversationId, lastSeq: number): void => {
    for (const { outlet } of hubs.forget(conversation, lastSeq)) outbox.sendFrame(outlet, noticeOf(conversation));
  };
}

/** As if it answered the deletion, which clients never sent as a frame: it refuses nothing that they asked. */
function noticeOf(conversation_id: ConversationId): FrameError {
  const { code, retryable, message: error } = new ChatError("NOT_FOUND", { message: "This conversation was deleted." });
  return { type: "error", error, code, retryable, frame: "delete", conversation_id };
}
