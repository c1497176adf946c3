import { FactsFullError, type Bus } from "@parley/bus";
import { ChatError, subjects, type Caller, type CancelFrame, type ConversationId, type TurnId } from "@parley/protocol";
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
  return async (caller: Caller, { conversation_id, turn_id }: Omit<CancelFrame, "type">): Promise<TurnId> => {
    await ownership.check(conversation_id, caller, "conversation:cancel");
    for (const queued of await turns.waiting(conversation_id)) {
      const { turn_id: waiting } = queued.request;
      if (turn_id !== undefined && turn_id !== waiting) continue;
      if (await turns.hasEnded(queued)) continue;
      await ownership.check(conversation_id, caller, "conversation:cancel", queued.request.user.id);
      const asked = { conversation: conversation_id, turn: waiting, by: caller.user.id, reason: "cancelled by user" };
      await requestCancel(bus, asked);
      return waiting;
    }
    throw new ChatError("NOT_FOUND", { message: "No such answer is running." });
  };
}

export interface CancelRequest {
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  /** Whose wish it is. */
  readonly by: string;
  readonly reason: string;
}

/**
 * Asks a turn to stop: the fact first, which a worker finds however late it comes to the turn, then the event that all workers hear. Both once,
 * so that it can be asked again where an edge died in between.
 */
export async function requestCancel(
  { events, facts }: Pick<Bus, "events" | "facts">,
  { conversation, turn, by, reason }: CancelRequest,
): Promise<void> {
  const common = { conversation_id: conversation, turn_id: turn, ts: Date.now(), by, reason };
  // Where no fact has room the event still stops what runs.
  await facts.write({ kind: "cancel", v: 1, ...common }).catch((error: unknown) => {
    if (!(error instanceof FactsFullError)) throw error;
  });
  const subject = subjects.control(events.shardOf(conversation), conversation, turn);
  await events.writeOnce(subject, { type: "cancel_requested", ...common });
}
