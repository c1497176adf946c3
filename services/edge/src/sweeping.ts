interface Swept {
  sweep(nowMs: number): void;
}

const sweepEveryMs = 1_000;

/** What happens by the clock: one timer for all sockets and conversations. */
export function startSweeping(parts: readonly Swept[]): NodeJS.Timeout {
  return setInterval(() => {
    const nowMs = performance.now();
    for (const part of parts) part.sweep(nowMs);
  }, sweepEveryMs);
}
