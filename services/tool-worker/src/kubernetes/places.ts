/** There is no place, and no room to wait for one. */
export class NoPlaceError extends Error {
  constructor() {
    super("Too much is asked of the cluster at once; try again in a moment.");
    this.name = "NoPlaceError";
  }
}

export type Places = ReturnType<typeof createPlaces>;

/** So many pieces of work at a time; so many more wait, in order, and leave the queue when they are aborted. */
export function createPlaces(places: number, maxWaiting: number) {
  const waiting = new Set<() => void>();
  let running = 0;

  const enter = (signal: AbortSignal): Promise<void> | undefined => {
    signal.throwIfAborted();
    if (running < places) {
      running++;
      return undefined;
    }
    if (waiting.size >= maxWaiting) throw new NoPlaceError();
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiting.delete(go);
        reject(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
      };
      waiting.add(go);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  };

  const leave = (): void => {
    const [next] = waiting;
    if (next === undefined) {
      running--;
      return;
    }
    waiting.delete(next);
    next();
  };

  return {
    async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
      await enter(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
    running: (): number => running,
    waiting: (): number => waiting.size,
  };
}
