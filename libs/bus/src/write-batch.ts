/** How long what may wait is kept: far below what anybody sees, and long enough for what hundreds of turns write to share a system call. */
const windowMs = 2;

/**
 * Brings publishes together in one tick, because the client library writes to its socket once a tick: of a worker with 200 turns, a fifth of the time
 * was system calls of a token each. The first of a silence leaves at once; what follows within the window leaves at its end, or with the first
 * that waits for nothing.
 */
export function createWriteBatch() {
  let waiting: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    if (waiting.length === 0) return;
    const sends = waiting;
    waiting = [];
    for (const send of sends) send();
  };
  const onWindowEnd = (): void => {
    timer = undefined;
    if (waiting.length === 0) return;
    flush();
    open();
  };
  const open = (): void => {
    timer = setTimeout(onWindowEnd, windowMs);
  };

  return {
    /** May be sent later than now, by the window. `send` must not throw. */
    join(send: () => void): void {
      if (timer !== undefined) return void waiting.push(send);
      send();
      open();
    },

    /** Sends what waits, and then this. */
    sendNow(send: () => void): void {
      flush();
      send();
    },

    /** What waits is not sent. */
    close(): void {
      clearTimeout(timer);
      timer = undefined;
      waiting = [];
    },
  };
}
