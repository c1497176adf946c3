import type { QueuedTurn, TurnQueue } from "@parley/bus";

export type QueueAge = ReturnType<typeof createQueueAge>;

/**
 * Whether a turn has waited too long to begin (QUEUE_TIMEOUT). Two pairs of clocks must say so: the edge's and this worker's, and the broker's
 * alone. Any one of the three may jump by hours without ending a turn that has just been accepted; a turn that is taken for younger than
 * it is just runs. Asks the broker only when the first pair says yes.
 */
export function createQueueAge(turns: Pick<TurnQueue, "waitedMs">, limitMs: number) {
  const looksTooOld = (acceptedAt: number): boolean => Date.now() - acceptedAt > limitMs;

  return {
    /** Free, and only half of the truth. */
    looksTooOld,

    isTooOld: async (turn: QueuedTurn): Promise<boolean> =>
      looksTooOld(turn.request.accepted_at) && (await turns.waitedMs(turn)) > limitMs,
  };
}
