import { monitorEventLoopDelay } from "node:perf_hooks";
import type { CountName, Limits } from "@parley/protocol";

export interface OverloadDeps {
  /** The limits as they are now. */
  readonly current: () => Limits;
  /** How long the oldest turn has waited that no worker has got, ms. */
  readonly queueAge: () => Promise<number>;
  /** By how much this process is late at the moment, ms. Default: measured. Read once a second. */
  readonly lag?: () => number;
}

/** Over what, and after how long it makes sense to come again. */
export interface Shed {
  readonly limit: CountName;
  readonly retryAfterMs: number;
}

export type Overload = ReturnType<typeof createOverload>;

const resolutionMs = 20;
const lookEveryMs = 1_000;
/** What was found longer ago says nothing. */
const lookHoldsMs = 5_000;
const [minRetryMs, maxRetryMs] = [1_000, 60_000];
/** Turned away below the limit again, so that it does not flutter. */
const back = 1 / 2;

/** Whether this process, and the workers behind it, can take more: the newest are turned away first, those who talk already last. */
export function createOverload({ current, queueAge, lag = measureLag() }: OverloadDeps) {
  const over = new Set<CountName>();
  let lags: readonly [number, number] = [0, 0];
  let age = { ms: 0, seenMs: -Infinity };
  let isLooking = false;
  let lookedMs = -Infinity;

  /** One long pause is none: a garbage collection, a process that was stopped for a moment. */
  const lagMs = (): number => Math.min(...lags);
  const ageMs = (nowMs: number): number => (nowMs - age.seenMs < lookHoldsMs ? age.ms : 0);

  const isOver = (limit: CountName, value: number): boolean => {
    const most = current()[limit];
    if (value >= (over.has(limit) ? most * back : most)) over.add(limit);
    else over.delete(limit);
    return over.has(limit);
  };

  /** While messages come, once a second; nobody waits for it. */
  const look = (nowMs: number): void => {
    if (isLooking || nowMs - lookedMs < lookEveryMs) return;
    isLooking = true;
    lookedMs = nowMs;
    queueAge()
      .then(
        (ms) => void (age = { ms, seenMs: performance.now() }),
        () => {
          // The broker is away: whoever submits a turn is told so.
        },
      )
      .finally(() => void (isLooking = false));
  };

  const shed = (limit: CountName, basisMs: number): Shed => {
    const retryAfterMs = Math.min(maxRetryMs, Math.max(minRetryMs, basisMs)) * (1 + Math.random() / 4);
    return { limit, retryAfterMs: Math.round(retryAfterMs) };
  };

  return {
    /** Why no new connections are taken; undefined: they are. */
    connection: (): Shed | undefined =>
      isOver("connections_at_lag_ms", lagMs()) ? shed("connections_at_lag_ms", 8 * lagMs()) : undefined,

    /** Why a message is not taken; undefined: it is. `isFirst`: its sender is in no conversation yet. */
    message(isFirst: boolean): Shed | undefined {
      const nowMs = performance.now();
      look(nowMs);
      const byLag = isFirst ? "new_conversations_at_lag_ms" : "messages_at_lag_ms";
      if (isOver(byLag, lagMs())) return shed(byLag, 8 * lagMs());
      const byAge = isFirst ? "new_conversations_at_queue_age_ms" : "messages_at_queue_age_ms";
      return isOver(byAge, ageMs(nowMs)) ? shed(byAge, ageMs(nowMs) / 2) : undefined;
    },

    /** Once a second. */
    sweep: (): void => void (lags = [lags[1], lag()]),

    stats: () => ({ lagMs: lagMs(), queueAgeMs: ageMs(performance.now()) }),
  };
}

/**
 * How late what is due comes: the mean over time since it was last asked, so that one pause of half a second counts for half of it, and not for one of fifty
 * looks.
 */
function measureLag(): () => number {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  return () => {
    const { mean, stddev, count } = delays;
    delays.reset();
    if (count === 0 || !(mean > 0)) return 0;
    return Math.max(0, (mean * mean + stddev * stddev) / mean / 1e6 - resolutionMs);
  };
}
