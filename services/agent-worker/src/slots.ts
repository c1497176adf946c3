export type Slots = ReturnType<typeof createSlots>;

/**
 * A bounded number of places in which turns run. One is taken before there is a turn for it: who asks the broker for turns has a place for
 * each that may come. The number may change: more are free at once, fewer as those that are taken are released.
 */
export function createSlots(initialLimit: number) {
  let limit = initialLimit;
  /** In the order in which they came. */
  const waiting = new Set<() => void>();
  let taken = 0;

  const tryTake = (): boolean => {
    if (taken >= limit) return false;
    taken++;
    return true;
  };
  /** Goes to who has waited longest, without having been free: nobody can slip in between. */
  const release = (): void => {
    const [first] = waiting;
    if (first === undefined || taken > limit) taken--;
    else first();
  };

  return {
    tryTake,
    release,
    taken: (): number => taken,

    resize(newLimit: number): void {
      limit = newLimit;
      for (const grant of [...waiting]) if (tryTake()) grant();
    },

    /** Waits for a place and takes it. False: the signal was aborted before. */
    async take(signal: AbortSignal): Promise<boolean> {
      if (signal.aborted) return false;
      if (tryTake()) return true;
      return new Promise((resolve) => {
        const settle = (isTaken: boolean): void => {
          waiting.delete(grant);
          signal.removeEventListener("abort", giveUp);
          resolve(isTaken);
        };
        const grant = (): void => settle(true);
        const giveUp = (): void => settle(false);
        waiting.add(grant);
        signal.addEventListener("abort", giveUp, { once: true });
      });
    },

    /** Does the work in a place that was taken for it, and releases that. */
    async occupy(work: () => Promise<void>): Promise<void> {
      try {
        await work();
      } finally {
        release();
      }
    },
  };
}
