import type { Bus } from "@parley/bus";
import { ChatError, subjects, type ConversationId, type User } from "@parley/protocol";
import { sleep } from "@parley/runtime";

export interface DeletionDeps {
  readonly bus: Pick<Bus, "events" | "turns" | "conversations">;
  /** Removes it from the user's list. */
  readonly unlist: (userId: string, conversation: ConversationId) => Promise<void>;
}

/** A worker stops within a fraction of a second; one that was lost is replaced after its silence, which is not waited for. */
const maxStopMs = 10_000;
const lookEveryMs = 50;

/**
 * Deletes a conversation: what runs is cancelled and has ended before anything is removed, because its worker would write on otherwise.
 * Can be repeated. Throws CONVERSATION_BUSY when it does not end in time.
 */
export function createDeletion({ bus, unlist }: DeletionDeps) {
  const { events, turns, conversations } = bus;

  const stopAll = async (conversation: ConversationId, user: User): Promise<void> => {
    const shard = events.shardOf(conversation);
    const asked = new Set<string>();
    for (const deadline = performance.now() + maxStopMs; performance.now() < deadline; await sleep(lookEveryMs)) {
      await turns.removeEnded(conversation);
      const waiting = await turns.waiting(conversation);
      if (waiting.length === 0) return;
      for (const { request } of waiting) {
        const { turn_id } = request;
        if (asked.has(turn_id)) continue;
        asked.add(turn_id);
        const common = { conversation_id: conversation, turn_id, ts: Date.now(), by: user.id, reason: "deleted" };
        await events.writeOnce(subjects.control(shard, conversation, turn_id), { type: "cancel_requested", ...common });
      }
    }
    const message = "The answer that runs has not stopped yet. Try again.";
    throw new ChatError("CONVERSATION_BUSY", { message, retryAfterMs: 5_000 });
  };

  return async (conversation: ConversationId, user: User): Promise<void> => {
    await stopAll(conversation, user);
    await conversations.purge(conversation);
    await unlist(user.id, conversation);
  };
}
