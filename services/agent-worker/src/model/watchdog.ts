export type Expiry = { ms: number; what: string };

/**
 * Calls `onExpired` once nothing has been seen for the given time. `seen` stores a time and nothing else: the one timer looks at it when it fires,
 * and waits for what is left. Its owner stops it at the end.
 */
export function createWatchdog(onExpired: (expiry: Expiry) => void) {
  let timer: NodeJS.Timeout | undefined;
  let look: NodeJS.Immediate | undefined;
  let awaited: Expiry = { ms: 0, what: "" };
  let seenAt = 0;

  const leftMs = (): number => seenAt + awaited.ms - performance.now();
  const wait = (ms: number): void => {
    timer = setTimeout(() => {
      const left = leftMs();
      if (left > 0) wait(left);
      // Timers come before sockets: after a pause of this process, what came meanwhile is still to be read.
      else look = setImmediate(() => (leftMs() > 0 ? wait(leftMs()) : onExpired(awaited)));
    }, Math.ceil(ms));
  };
  const stop = (): void => {
    clearTimeout(timer);
    clearImmediate(look);
  };

  return {
    /** Starts the time anew, for something else. */
    start(what: string, ms: number): void {
      stop();
      awaited = { what, ms };
      seenAt = performance.now();
      wait(ms);
    },
    /** What is awaited goes on coming. */
    seen(): void {
      seenAt = performance.now();
    },
    stop,
  };
}
