import type { Logger } from "./logger.ts";
import { withDeadline } from "./timing.ts";

export type Release = () => unknown;

export type ReleaseOptions = {
  /** A tighter limit than what is left of the whole shutdown. */
  deadlineMs?: number;
};

export type LifecycleOptions = {
  log: Logger;
  /** What the whole shutdown may take. */
  shutdownMs: number;
};

export type Lifecycle = {
  /** Registers what must be released. During or after a stop the step is released at once. */
  use: (name: string, release: Release, options?: ReleaseOptions) => void;
  /** Releases everything, last registered first. Always the same promise; it never rejects. */
  stop: () => Promise<void>;
  /** Aborted when stopping starts, before the first release. */
  signal: AbortSignal;
  /** Resolves when everything is released, after SIGTERM, SIGINT or `stop()`. A second signal ends the process at once. */
  untilStopped: () => Promise<void>;
  [Symbol.asyncDispose]: () => Promise<void>;
};

type Step = { name: string; release: Release; deadlineMs: number };

/** Closing a connection after a drain that used up the time still gets this much, or the drained work is not flushed. */
const STEP_FLOOR_MS = 500;

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * The releaser stack of a process: what was opened last is released first, by the same list after a failed start and
 * after a signal. (AsyncDisposableStack would be this, but Node 20 does not have it.)
 *
 *     running ── stop() or a signal ──▶ stopping ── every step released or out of time ──▶ stopped
 */
export function createLifecycle({ log, shutdownMs }: LifecycleOptions): Lifecycle {
  const steps: Step[] = [];
  const stopping = new AbortController();
  let stopped: Promise<void> | undefined;
  let endMs = Number.POSITIVE_INFINITY;

  async function releaseAll(): Promise<void> {
    endMs = performance.now() + shutdownMs;
    stopping.abort();
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await releaseStep(step, endMs, log);
  }

  function stop(): Promise<void> {
    stopped ??= releaseAll();
    return stopped;
  }

  function use(name: string, release: Release, { deadlineMs = shutdownMs }: ReleaseOptions = {}): void {
    const step = { name, release, deadlineMs };
    if (stopping.signal.aborted) void releaseStep(step, endMs, log);
    else steps.push(step);
  }

  return {
    use,
    stop,
    signal: stopping.signal,
    untilStopped: () => untilStopped({ signal: stopping.signal, stop, log }),
    [Symbol.asyncDispose]: stop,
  };
}

/** Never rejects: a step that fails or takes too long is logged, and the next one runs. */
async function releaseStep({ name, release, deadlineMs }: Step, endMs: number, log: Logger): Promise<void> {
  const leftMs = Math.max(STEP_FLOOR_MS, endMs - performance.now());
  const startMs = performance.now();
  try {
    await withDeadline(Promise.resolve().then(release), Math.round(Math.min(deadlineMs, leftMs)), `releasing ${name}`);
    log.debug({ step: name, tookMs: Math.round(performance.now() - startMs) }, "released");
  } catch (err) {
    log.warn({ step: name, err }, "a shutdown step failed");
  }
}

type Stoppable = { signal: AbortSignal; stop: () => Promise<void>; log: Logger };

async function untilStopped({ signal, stop, log }: Stoppable): Promise<void> {
  const stopBegins = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const onSignal = (name: (typeof SIGNALS)[number]): void => {
    if (signal.aborted) process.exit(EXIT_CODES[name]);
    log.info({ signal: name }, "stopping");
    void stop();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    await stopBegins;
    await stop();
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
