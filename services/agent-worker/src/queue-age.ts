import type { QueuedTurn, TurnQueue } from "@parley/bus";
import { ChatError } from "@parley/protocol";

export type QueueAge = ReturnType<typeof createQueueAge>;

/** Old enough for its events to expire before it has left the queue, by either clock that knows when it was accepted. `windowMs`: how long they are kept. */
export function isOld({ storedMs, request }: QueuedTurn, windowMs: number): boolean {
  return Date.now() - Math.min(storedMs, request.accepted_at) > windowMs / 2;
}

/**
 * The end of a turn that has no events and has waited too long. One that somebody may have had before (`wasHad`) is the same to look at when it
 * had begun and its events have expired: what it did is not known then, and nobody is told to send it again.
 */
export function queueTimeoutOf(turn: QueuedTurn, wasHad: boolean, windowMs: number): ChatError {
  if (!wasHad || !isOld(turn, windowMs)) return new ChatError("QUEUE_TIMEOUT");
  const message = "The message waited too long; whether an answer to it had begun before is not known.";
  return new ChatError("QUEUE_TIMEOUT", { message, retryable: false });
}

/**
 * Whether a turn has waited too long to begin (QUEUE_TIMEOUT). Two pairs of clocks must say so: the edge's and this worker's, and the broker's
 * alone. Any one of the three may jump by hours without ending a turn that has just been accepted; a turn that is taken for younger than
 * it is just runs. Asks the broker only when the first pair says yes.
 */
export function createQueueAge(turns: Pick<TurnQueue, "waitedMs">, limitMs: number) {
  const looksTooOld = (acceptedAt: number): boolean => Date.now() - acceptedAt > limitMs;

  return {
    /** How long the turn may still wait to begin, by the broker's clock. */
    leftMs: async (turn: QueuedTurn): Promise<number> => limitMs - (await turns.waitedMs(turn)),

    /** Free, and only half of the truth. */
    looksTooOld,

    isTooOld: async (turn: QueuedTurn): Promise<boolean> =>
      looksTooOld(turn.request.accepted_at) && (await turns.waitedMs(turn)) > limitMs,
  };
}
