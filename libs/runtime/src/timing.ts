import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** Something took longer than it was given. The work itself may still be running: its owner must abort it. */
export class DeadlineError extends Error {
  constructor(what: string, deadlineMs: number) {
    super(`${what} took longer than ${deadlineMs} ms`);
    this.name = "DeadlineError";
  }
}

/** Waits. Returns early, without throwing, when the signal is aborted: a loop looks at its signal anyway. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  // Everything that waits under one signal (the process's own, say) listens to it; Node takes more than ten for a leak.
  if (signal !== undefined) setMaxListeners(0, signal);
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

/** The promise's own outcome, or a `DeadlineError` after `deadlineMs`. `what` is the subject of the message. */
export async function withDeadline<T>(promise: PromiseLike<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, deadlineMs)), deadlineMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** The promise's own outcome, or the signal's reason as soon as it is aborted. The work itself may go on, and nobody waits for it. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // It may fail when nobody listens any more.
  promise.catch(() => {});
  signal.throwIfAborted();
  let stop = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

export type BackoffOptions = {
  /** Upper bound of the first wait. */
  minMs: number;
  /** Upper bound of every wait. */
  maxMs: number;
  random?: () => number;
};

export type Backoff = ReturnType<typeof createBackoff>;

/**
 * Growing waits with full jitter: each is drawn from 0 to a bound that doubles. After an outage of a shared server the
 * clients then come back spread out, which a fixed floor would undo.
 */
export function createBackoff({ minMs, maxMs, random = Math.random }: BackoffOptions) {
  let boundMs = minMs;
  return {
    nextMs(): number {
      const waitMs = Math.round(random() * Math.min(boundMs, maxMs));
      boundMs = Math.min(boundMs * 2, maxMs);
      return waitMs;
    },
    reset(): void {
      boundMs = minMs;
    },
  };
}
