export type Expiry = { ms: number; what: string };

export type Watchdog = ReturnType<typeof createWatchdog>;

/** One timer that calls `onExpired` unless it is disarmed in time. Its owner disarms it at the end. */
export function createWatchdog(onExpired: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let expired: Expiry | undefined;
  return {
    /** Starts the time anew. `what` is awaited. */
    arm(ms: number, what: string): void {
      clearTimeout(timer);
      timer = setTimeout(() => {
        expired = { ms, what };
        onExpired();
      }, ms);
    },
    disarm(): void {
      clearTimeout(timer);
    },
    /** What did not come; undefined: no time has run out. */
    expired: () => expired,
  };
}
