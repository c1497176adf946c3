/** How long what may wait is kept: far below what anybody sees, and long enough for what hundreds of turns write to share a system call. */
const windowMs = 2;

export type Outbox = ReturnType<typeof createOutbox>;

/**
 * Brings publishes together, in their order, because the client library writes to its socket once a microtask: of a worker with 200 turns, a fifth of
 * the time was system calls of one message each. What is sent while the event loop goes through what has come leaves in one write when it is
 * through: at once in an idle process, together in a busy one.
 */
export function createOutbox() {
  let waiting: (() => void)[] = [];
  let turn: NodeJS.Immediate | undefined;
  let window: NodeJS.Timeout | undefined;
  let isClosed = false;

  const flush = (): void => {
    clearImmediate(turn);
    turn = undefined;
    const sends = waiting;
    waiting = [];
    for (const send of sends) send();
  };
  const onWindowEnd = (): void => {
    window = undefined;
    if (waiting.length === 0) return;
    flush();
    open();
  };
  const open = (): void => {
    window = setTimeout(onWindowEnd, windowMs);
  };
  const send = (publish: () => void): void => {
    waiting.push(publish);
    if (isClosed) flush();
    else turn ??= setImmediate(flush);
  };

  return {
    /** Leaves in this turn of the event loop, behind what waits. `publish` must not throw. */
    send,

    /** May leave later, by the window, unless something before it waits for nothing. The first of a silence leaves as by `send`. */
    join(publish: () => void): void {
      if (window !== undefined) return void waiting.push(publish);
      send(publish);
      if (!isClosed) open();
    },

    /** Sends what waits. What comes after it leaves, or fails, at once. */
    close(): void {
      isClosed = true;
      clearTimeout(window);
      window = undefined;
      flush();
    },
  };
}
