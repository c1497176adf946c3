import type { QueuedTurn } from "@parley/bus";
import type { ChatError, TurnRequest } from "@parley/protocol";
import { noSpan } from "@parley/runtime";
import { withoutDelivery, type RunnableTurn } from "./runnable-turn.ts";
import { settle, type AttemptDeps, type Running, type TurnResult } from "./turn-attempt.ts";
import { TurnCancelled, TurnHandedOver } from "./turn-stop.ts";

export interface TurnRunnerDeps extends AttemptDeps {
  readonly onSettled: (result: TurnResult, request: TurnRequest) => void;
}

export type TurnRunner = ReturnType<typeof createTurnRunner>;

/** Lets a turn run until it is settled here, and tells the queue. Never throws. */
function createStart({ onSettled, ...deps }: TurnRunnerDeps, running: Map<string, Running>) {
  const work = async (entry: Running): Promise<TurnResult> => {
    const { request } = entry.turn;
    const result = await settle(entry, deps);
    running.delete(request.turn_id);
    onSettled(result, request);
    // It will be delivered, or found, once more.
    const notTold = (err: unknown): void => deps.log.warn({ err }, "the queue was not told of a settled turn");
    await answerQueue(entry, result, deps).catch(notTold);
    return result;
  };

  return (turn: RunnableTurn, stop: AbortController): Promise<TurnResult> => {
    const done = Promise.resolve<TurnResult>("lost");
    const state = { isEnding: stop.signal.aborted, isClaimed: false, hasWaited: false, span: noSpan };
    const entry: Running = { turn, stop, ...state, done };
    running.set(turn.request.turn_id, entry);
    entry.done = work(entry);
    return entry.done;
  };
}

/** Claims and runs turns, and owns the map of those that run here. */
export function createTurnRunner(deps: TurnRunnerDeps) {
  const { bus, stopping } = deps;
  const running = new Map<string, Running>();
  const start = createStart(deps, running);

  /** Resolves when the turn is settled here, one way or the other; never throws. */
  const run = async (turn: RunnableTurn): Promise<void> => {
    const present = running.get(turn.request.turn_id);
    // The broker gave up waiting for a sign of life that it did not get: the new delivery is the one to acknowledge.
    if (present !== undefined && !present.isEnding) present.turn = turn;
    await present?.done;
    if (present?.isEnding === false) return;
    // Only a turn that nobody ends meanwhile is still there to be run.
    if (present !== undefined) return run(turn);
    if (stopping.aborted) return turn.nak();
    await start(turn, new AbortController());
  };

  return {
    running: (): number => running.size,
    turns: (): QueuedTurn[] => [...running.values()].map(({ turn }) => turn),
    isRunning: (turnId: string): boolean => running.has(turnId),
    /** Whether it is this worker's, as far as it knows. */
    hasClaimed: (turnId: string): boolean => running.get(turnId)?.isClaimed === true,

    /** Postpones redelivery of everything that runs here. */
    heartbeat(): void {
      for (const { turn } of running.values()) turn.working();
    },

    run,

    /**
     * Ends a turn that does not run here, wherever it stands in the queue: one that waits (`onlyAfter` 0), one whose writer is silent since the
     * chain's event of that sequence, or (without one) one whose writer goes on. Resolves to whether it has ended.
     */
    async end(turn: QueuedTurn, reason: TurnCancelled | ChatError, onlyAfter?: number): Promise<boolean> {
      if (stopping.aborted || running.has(turn.request.turn_id)) return false;
      const stop = new AbortController();
      stop.abort(reason);
      const found = { ...withoutDelivery(turn, bus, onlyAfter), insists: onlyAfter === undefined };
      const result = await start(found, stop);
      return result === "ended" || result === "skipped";
    },

    /** Stops a turn that runs here. Returns whether one does. */
    cancel(turnId: string, reason: string): boolean {
      const present = running.get(turnId);
      present?.stop.abort(new TurnCancelled(reason));
      return present !== undefined;
    },

    /** Hands every running turn over to other workers and waits until they are let go. */
    async handOver(): Promise<void> {
      const all = [...running.values()];
      for (const { stop } of all) stop.abort(new TurnHandedOver());
      await Promise.allSettled(all.map(({ done }) => done));
    },
  };
}

/** Fenced and lost turns are somebody else's: no acknowledgement of any kind. */
async function answerQueue(
  { turn, hasWaited }: Running,
  result: TurnResult,
  { bus: { agents }, waits }: AttemptDeps,
): Promise<void> {
  if (result === "handed over") turn.nak();
  if (result === "failed") turn.rest();
  if (result === "waiting" || result === "put back") await waits.suspend(turn);
  if (result !== "ended" && result !== "skipped") return;
  // Before it leaves the queue: killed in between, whoever finds it ended does it again.
  if (hasWaited || (turn.deliveries ?? 1) > 1) await waits.wakeBehind(turn.request);
  await turn.ack();
  agents.turnLeft(turn.request);
}
