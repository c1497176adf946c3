import type { Bus } from "@parley/bus";
import { ChatError, subjects, type CancelFrame, type TurnId, type User } from "@parley/protocol";
import type { Ownership } from "./ownership.ts";

export interface CancelDeps {
  readonly bus: Pick<Bus, "events" | "turns">;
  readonly ownership: Ownership;
}

/**
 * `cancel`: asks the turn, or the one that runs, to stop; returns which. The answer is the turn's own end. Throws NOT_FOUND when there is no
 * such turn.
 */
export function createCancelHandler({ bus: { events, turns }, ownership }: CancelDeps) {
  return async (user: User, { conversation_id, turn_id }: Omit<CancelFrame, "type">): Promise<TurnId> => {
    await ownership.check(conversation_id, user.id);
    for (const queued of await turns.waiting(conversation_id)) {
      const { turn_id: waiting } = queued.request;
      if (turn_id !== undefined && turn_id !== waiting) continue;
      if (await turns.hasEnded(queued)) continue;
      const subject = subjects.control(events.shardOf(conversation_id), conversation_id, waiting);
      const common = { conversation_id, turn_id: waiting, ts: Date.now() };
      await events.writeOnce(subject, {
        type: "cancel_requested",
        ...common,
        by: user.id,
        reason: "cancelled by user",
      });
      return waiting;
    }
    throw new ChatError("NOT_FOUND", { message: "No such answer is running." });
  };
}
