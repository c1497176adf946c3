import type { Bus } from "@parley/bus";
import { ChatError, type CancelFrame, type TurnId, type User } from "@parley/protocol";
import { requestCancel } from "./cancel-request.ts";
import type { Ownership } from "./ownership.ts";

export interface CancelDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns">;
  readonly ownership: Ownership;
}

/**
 * `cancel`: asks the turn, or the one that runs, to stop; returns which. The answer is the turn's own end. Throws NOT_FOUND when there is no
 * such turn.
 */
export function createCancelHandler({ bus, ownership }: CancelDeps) {
  const { turns } = bus;
  return async (user: User, { conversation_id, turn_id }: Omit<CancelFrame, "type">): Promise<TurnId> => {
    await ownership.check(conversation_id, user.id);
    for (const queued of await turns.waiting(conversation_id)) {
      const { turn_id: waiting } = queued.request;
      if (turn_id !== undefined && turn_id !== waiting) continue;
      if (await turns.hasEnded(queued)) continue;
      const asked = { conversation: conversation_id, turn: waiting, by: user.id, reason: "cancelled by user" };
      await requestCancel(bus, asked);
      return waiting;
    }
    throw new ChatError("NOT_FOUND", { message: "No such answer is running." });
  };
}
