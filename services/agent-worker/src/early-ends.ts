import type { Bus, QueuedTurn } from "@parley/bus";
import { subjects, type ConversationId, type TurnId } from "@parley/protocol";
import type { Waiter } from "./parking.ts";
import { queueTimeoutOf, type QueueAge } from "./queue-age.ts";
import type { TurnRunner } from "./turn-runner.ts";
import { TurnCancelled } from "./turn-stop.ts";

export interface EarlyEndDeps {
  readonly bus: Pick<Bus, "events" | "turns">;
  readonly runner: Pick<TurnRunner, "end">;
  readonly age: QueueAge;
}

/** Ends a turn that has waited too long and has no events. `wasHad`: somebody may have begun it. Returns whether it has ended. */
export function createTimeout({ runner, age }: Pick<EarlyEndDeps, "runner" | "age">) {
  return async (turn: QueuedTurn, wasHad: boolean): Promise<boolean> =>
    (await age.isTooOld(turn)) && runner.end(turn, queueTimeoutOf(turn, wasHad), 0);
}

/** For a request to cancel that says no more than that it is one. */
export const unknownReason = "cancelled";

/** Ends a turn that waits if somebody has cancelled it and nobody heard, or if it has waited too long. Returns whether it has ended. */
export function createEarlyEnds({ bus: { events, turns }, runner, age }: EarlyEndDeps) {
  const endTooOld = createTimeout({ runner, age });
  const cancelledBecause = async (conversation: ConversationId, turn: TurnId): Promise<string | undefined> => {
    const found = await events.last(subjects.control(events.shardOf(conversation), conversation, turn));
    return found?.event.type === "cancel_requested" ? found.event.reason : found && unknownReason;
  };

  return async ({ seq, conversation, turn, acceptedAt }: Waiter): Promise<boolean> => {
    const reason = await cancelledBecause(conversation, turn);
    if (reason === undefined && !age.looksTooOld(acceptedAt)) return false;
    const queued = await turns.at(seq);
    if (queued === undefined) return false;
    if (reason !== undefined) return runner.end(queued, new TurnCancelled(reason), 0);
    // An earlier one of its conversation is there: nobody can have begun it.
    return endTooOld(queued, false);
  };
}
