export type Slots = ReturnType<typeof createSlots>;

/** A bounded number of places in which turns run. */
export function createSlots(limit: number) {
  const waiting: (() => void)[] = [];
  let taken = 0;

  const wakeAll = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };

  return {
    isFree: (): boolean => taken < limit,

    room: (): number => Math.max(0, limit - taken),

    /** Resolves when a place is free, or the signal is aborted. It is not taken by that. */
    async free(signal: AbortSignal): Promise<void> {
      signal.addEventListener("abort", wakeAll, { once: true });
      while (taken >= limit && !signal.aborted) await new Promise<void>((resolve) => waiting.push(resolve));
      signal.removeEventListener("abort", wakeAll);
    },

    /** Does the work in a place that is taken before the first wait, so that no two share one. */
    async occupy(work: () => Promise<void>): Promise<void> {
      taken++;
      try {
        await work();
      } finally {
        taken--;
        wakeAll();
      }
    },
  };
}
