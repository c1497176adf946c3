export type Watchdog = ReturnType<typeof createWatchdog>;

/** One timer that calls `onExpired` unless it is disarmed in time. Its owner disarms it at the end. */
export function createWatchdog(onExpired: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let expiredMs: number | undefined;
  return {
    /** Starts the time anew. */
    arm(ms: number): void {
      clearTimeout(timer);
      timer = setTimeout(() => {
        expiredMs = ms;
        onExpired();
      }, ms);
    },
    disarm(): void {
      clearTimeout(timer);
    },
    /** The time that ran out; undefined: none has. */
    expiredMs: () => expiredMs,
  };
}
