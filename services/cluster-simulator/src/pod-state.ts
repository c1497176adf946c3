import type { PodRecord } from "./cluster.ts";
import { CRASH_RUN_MS, crashLoopAt } from "./crash-loop.ts";
import { SECOND_MS } from "./durations.ts";

/** From being scheduled to being ready: pulling the image and starting. */
const STARTUP_MS = 3 * SECOND_MS;

/**
 * What the containers of a pod do at one moment. They all do the same: a pod of the cluster either starts, serves,
 * crashes or waits for a node.
 *
 *     unscheduled (for ever)      starting ──▶ serving      starting ──▶ running ⇄ backing off
 */
export type PodState =
  | { kind: "unscheduled"; sinceMs: number }
  | { kind: "starting"; sinceMs: number }
  | { kind: "serving"; sinceMs: number }
  | {
      kind: "crashing";
      sinceMs: number;
      running: boolean;
      restarts: number;
      backoffMs: number;
      lastRun: Run | undefined;
    };

export type Run = { startedMs: number; finishedMs: number };

export function podStateAt(pod: PodRecord, nowMs: number): PodState {
  const { health } = pod.owner.workload;
  if (health === "unschedulable") return { kind: "unscheduled", sinceMs: pod.bornMs };
  const startedMs = pod.bornMs + STARTUP_MS;
  if (nowMs < startedMs) return { kind: "starting", sinceMs: pod.bornMs };
  return health === "serving" ? { kind: "serving", sinceMs: startedMs } : crashingState(startedMs, nowMs);
}

function crashingState(startedMs: number, nowMs: number): PodState {
  const loop = crashLoopAt(nowMs - startedMs);
  const runStartedMs = startedMs + loop.runStartedMs;
  const crashedMs = runStartedMs + CRASH_RUN_MS;
  const { running, restarts, backoffMs } = loop;
  if (!running)
    return {
      kind: "crashing",
      sinceMs: crashedMs,
      running,
      restarts,
      backoffMs,
      lastRun: { startedMs: runStartedMs, finishedMs: crashedMs },
    };
  const before = loop.runStartedMs === 0 ? undefined : startedMs + crashLoopAt(loop.runStartedMs - 1).runStartedMs;
  const lastRun = before === undefined ? undefined : { startedMs: before, finishedMs: before + CRASH_RUN_MS };
  return { kind: "crashing", sinceMs: runStartedMs, running, restarts, backoffMs, lastRun };
}

export function isReady(state: PodState): boolean {
  return state.kind === "serving";
}
