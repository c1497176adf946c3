import { createTaskRounds } from "./task-rounds.ts";

/** Resolution of all delays: fine enough for 200 tokens a second, coarse enough for thousands of streams. */
const TICK_MS = 5;
const SLOTS = 1024;

type Delayed = { dueTick: number; run: () => void };

export type Pacer = ReturnType<typeof createPacer>;

/**
 * One timer for the delays of all streams: a hashed wheel. A timer per token and stream costs more than the tokens
 * themselves once there are thousands of streams. The timer runs only while something waits.
 */
export function createPacer(now: () => number = () => performance.now()) {
  const slots = Array.from({ length: SLOTS }, () => new Set<Delayed>());
  const rounds = createTaskRounds<Delayed>();
  let timer: NodeJS.Timeout | undefined;
  let onWheel = 0;
  let currentTick = 0;

  function start(): void {
    currentTick = Math.floor(now() / TICK_MS);
    timer = setInterval(turn, TICK_MS);
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  /** After a long pause of the process one turn over all slots is enough: it finds everything that is due. */
  function turn(): void {
    const target = Math.floor(now() / TICK_MS);
    const first = Math.max(currentTick + 1, target - SLOTS + 1);
    currentTick = target;
    for (let tick = first; tick <= target; tick += 1) {
      for (const task of slotOf(tick)) if (task.dueTick <= target && takeOff(task)) rounds.add(task);
    }
    if (onWheel === 0) stop();
  }

  function takeOff(task: Delayed): boolean {
    if (!slotOf(task.dueTick).delete(task)) return false;
    onWheel -= 1;
    return true;
  }

  function slotOf(tick: number): Set<Delayed> {
    return slots[tick % SLOTS] ?? new Set();
  }

  return {
    /** Runs a task after a delay of at least one tick. The function given back calls it off. */
    after(delayMs: number, run: () => void): () => void {
      if (timer === undefined) start();
      const task = { dueTick: Math.max(currentTick + 1, Math.ceil((now() + delayMs) / TICK_MS)), run };
      slotOf(task.dueTick).add(task);
      onWheel += 1;
      return () => void (takeOff(task) || rounds.remove(task));
    },
    [Symbol.dispose](): void {
      stop();
      rounds.clear();
      for (const slot of slots) slot.clear();
      onWheel = 0;
    },
  };
}
