/** Resolution of all delays: fine enough for 200 tokens a second, coarse enough for thousands of streams. */
const TICK_MS = 5;
const SLOTS = 1024;

type Task = { dueTick: number; run: () => void };

export type Pacer = ReturnType<typeof createPacer>;

/**
 * One timer for the delays of all streams: a hashed wheel. A timer per token and stream costs more than the tokens
 * themselves once there are thousands of streams. The timer runs only while something waits.
 */
export function createPacer(now: () => number = () => performance.now()) {
  const slots = Array.from({ length: SLOTS }, () => new Set<Task>());
  let timer: NodeJS.Timeout | undefined;
  let waiting = 0;
  let currentTick = 0;

  function start(): void {
    currentTick = Math.floor(now() / TICK_MS);
    timer = setInterval(turn, TICK_MS);
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  /** After a long pause of the process one round over all slots is enough: it finds everything that is due. */
  function turn(): void {
    const target = Math.floor(now() / TICK_MS);
    const first = Math.max(currentTick + 1, target - SLOTS + 1);
    currentTick = target;
    for (let tick = first; tick <= target; tick += 1) runDue(slotOf(tick), target);
    if (waiting === 0) stop();
  }

  function runDue(slot: Set<Task>, target: number): void {
    for (const task of slot) {
      if (task.dueTick > target || !slot.delete(task)) continue;
      waiting -= 1;
      task.run();
    }
  }

  function slotOf(tick: number): Set<Task> {
    return slots[tick % SLOTS] ?? new Set();
  }

  return {
    /** Runs a task after a delay of at least one tick. The function given back takes it off the wheel. */
    after(delayMs: number, run: () => void): () => void {
      if (timer === undefined) start();
      const dueTick = Math.max(currentTick + 1, Math.ceil((now() + delayMs) / TICK_MS));
      const slot = slotOf(dueTick);
      const task = { dueTick, run };
      slot.add(task);
      waiting += 1;
      return () => {
        if (slot.delete(task)) waiting -= 1;
      };
    },
    [Symbol.dispose](): void {
      stop();
      for (const slot of slots) slot.clear();
      waiting = 0;
    },
  };
}
