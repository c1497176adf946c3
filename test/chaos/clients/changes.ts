/** Wakes whoever waits for a change. */
export interface Changes {
  notify(): void;
  /** Resolves as soon as `holds`; rejects with the signal's reason. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void>;
}

export function createChanges(): Changes {
  const waiting = new Set<() => void>();
  return {
    notify() {
      for (const look of waiting) look();
    },
    until: (holds, signal) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void): void => {
          waiting.delete(look);
          signal.removeEventListener("abort", onAbort);
          finish();
        };
        const look = (): void => {
          if (holds()) settle(resolve);
        };
        const onAbort = (): void => settle(() => reject(signal.reason));
        if (holds()) return resolve();
        if (signal.aborted) return reject(signal.reason);
        waiting.add(look);
        signal.addEventListener("abort", onAbort);
      }),
  };
}
