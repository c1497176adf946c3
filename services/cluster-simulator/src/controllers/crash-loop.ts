import { SECOND_MS } from "../durations.ts";

/** How long the broken program runs before it gives up. */
export const CRASH_RUN_MS = 3 * SECOND_MS;
const FIRST_BACKOFF_MS = 10 * SECOND_MS;
const MAX_BACKOFF_MS = 300 * SECOND_MS;

export type CrashLoop = {
  restarts: number;
  /** Whether the program is between start and crash right now. */
  running: boolean;
  /** When the current or last run began, from the start of the pod. */
  runStartedMs: number;
  /** The wait after the current or last run. */
  backoffMs: number;
};

/** Where a crash loop stands after `elapsedMs`: the kubelet doubles its wait from 10 s to 5 min. */
export function crashLoopAt(elapsedMs: number): CrashLoop {
  let restarts = 0;
  let runStartedMs = 0;
  let backoffMs = FIRST_BACKOFF_MS;
  while (backoffMs < MAX_BACKOFF_MS && elapsedMs >= runStartedMs + CRASH_RUN_MS + backoffMs) {
    runStartedMs += CRASH_RUN_MS + backoffMs;
    backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    restarts += 1;
  }
  // From here on every round takes the same time, so no loop is needed however old the pod is.
  if (backoffMs === MAX_BACKOFF_MS) {
    const rounds = Math.max(0, Math.floor((elapsedMs - runStartedMs) / (CRASH_RUN_MS + backoffMs)));
    runStartedMs += rounds * (CRASH_RUN_MS + backoffMs);
    restarts += rounds;
  }
  return { restarts, running: elapsedMs < runStartedMs + CRASH_RUN_MS, runStartedMs, backoffMs };
}
