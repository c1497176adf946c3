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
  /** When the last of those that may wait left. */
  let joinedMs = -Infinity;
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
    joinedMs = performance.now();
    flush();
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
      const nowMs = performance.now();
      const leftMs = joinedMs + windowMs - nowMs;
      if (leftMs <= 0 || isClosed) {
        joinedMs = nowMs;
        return send(publish);
      }
      waiting.push(publish);
      // Only when something waits: nearly every timer would wake the process up for nothing.
      window = setTimeout(onWindowEnd, leftMs);
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
