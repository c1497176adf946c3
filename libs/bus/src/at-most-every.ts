/** Joins callers while the action runs, and skips it when it ran a moment ago. */
export function atMostEvery(intervalMs: number, action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let ranAt = -Infinity;
  return () => {
    if (running !== undefined) return running;
    if (performance.now() - ranAt < intervalMs) return Promise.resolve();
    running = action().finally(() => {
      running = undefined;
      ranAt = performance.now();
    });
    return running;
  };
}
