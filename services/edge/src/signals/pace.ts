export type Pace = ReturnType<typeof createPace>;

/** Runs the action soon after it was asked for, and at most once in so long: what is asked for meanwhile is one run. It must not throw. */
export function createPace(everyMs: number, action: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let ranMs = -Infinity;
  const run = (): void => {
    timer = undefined;
    ranMs = performance.now();
    action();
  };
  return {
    mark(): void {
      timer ??= setTimeout(run, Math.max(0, ranMs + everyMs - performance.now()));
    },
    /** Since it ran last. */
    restedMs: (nowMs: number): number => nowMs - ranMs,
    stop: (): void => clearTimeout(timer),
  };
}
