/** So late a timer may be. */
const tickMs = 2;

/** One interval for all streams: thousands of timers of their own would cost more than what they send. */
export interface TimerWheel {
  /** Calls back at this time of `performance.now()`, or at most a tick later. */
  at(dueMs: number, callback: () => void): void;
}

export function createTimerWheel(): TimerWheel {
  const slots = new Map<number, (() => void)[]>();
  let done = Math.floor(performance.now() / tickMs);
  let interval: ReturnType<typeof setInterval> | undefined;

  const turn = (): void => {
    const until = Math.floor(performance.now() / tickMs);
    while (done < until) {
      done++;
      const due = slots.get(done);
      if (due === undefined) continue;
      slots.delete(done);
      for (const callback of due) callback();
    }
    if (slots.size > 0) return;
    clearInterval(interval);
    interval = undefined;
  };

  return {
    at(dueMs, callback) {
      if (interval === undefined) {
        done = Math.floor(performance.now() / tickMs);
        interval = setInterval(turn, tickMs);
      }
      const slot = Math.max(done + 1, Math.ceil(dueMs / tickMs));
      const waiting = slots.get(slot);
      if (waiting === undefined) slots.set(slot, [callback]);
      else waiting.push(callback);
    },
  };
}
