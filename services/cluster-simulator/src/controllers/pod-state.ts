import { SECOND_MS } from "../durations.ts";
import { CRASH_RUN_MS, crashLoopAt } from "./crash-loop.ts";
import type { Behaviour } from "./pod-behaviour.ts";

/** From being scheduled to running: pulling the image and starting. */
const STARTUP_MS = 3 * SECOND_MS;
/** How long a container runs that ends by itself. */
const WORK_MS = 5 * SECOND_MS;
const PULL_RETRY_MS = 20 * SECOND_MS;
const WATCHED_TRIES = 6;

export type Run = { startedMs: number; finishedMs: number };

/**
 * What the containers of a pod do at one moment, from when it was put on its node.
 *
 *     starting ──▶ running (ready or not)        starting ──▶ running ⇄ backing off
 *     starting ──▶ running ──▶ ended             waiting (for an image or a setting, for ever)
 */
export type PodState =
  | { kind: "starting"; sinceMs: number }
  | { kind: "waiting"; sinceMs: number; tries: number }
  | { kind: "running"; sinceMs: number; isReady: boolean }
  | { kind: "ended"; sinceMs: number; startedMs: number; exitCode: number }
  | {
      kind: "crashing";
      sinceMs: number;
      running: boolean;
      restarts: number;
      backoffMs: number;
      lastRun: Run | undefined;
    };

/** `untilMs`: when the state becomes another one by itself. */
export function podStateAt(behaviour: Behaviour, bornMs: number, nowMs: number): PodState & { untilMs?: number } {
  const startedMs = bornMs + STARTUP_MS;
  if (behaviour === "image-missing" || behaviour === "config-missing") return waitingState(bornMs, nowMs);
  if (nowMs < startedMs) return { kind: "starting", sinceMs: bornMs, untilMs: startedMs };
  switch (behaviour) {
    case "serving":
    case "unready":
      return { kind: "running", sinceMs: startedMs, isReady: behaviour === "serving" };
    case "completing":
      return workingState(startedMs, nowMs, 0);
    case "failing":
      return workingState(startedMs, nowMs, 1);
    case "crashing":
    case "oom":
      return crashingState(startedMs, nowMs);
  }
}

function waitingState(bornMs: number, nowMs: number): PodState & { untilMs?: number } {
  const tries = Math.floor((nowMs - bornMs) / PULL_RETRY_MS) + 1;
  // After a few tries nothing new is to be seen; nobody has to be woken for each.
  const isNew = tries <= WATCHED_TRIES;
  return { kind: "waiting", sinceMs: bornMs, tries, ...(isNew && { untilMs: bornMs + tries * PULL_RETRY_MS }) };
}

function workingState(startedMs: number, nowMs: number, exitCode: number): PodState & { untilMs?: number } {
  const endMs = startedMs + WORK_MS;
  if (nowMs < endMs) return { kind: "running", sinceMs: startedMs, isReady: true, untilMs: endMs };
  return { kind: "ended", sinceMs: endMs, startedMs, exitCode };
}

function crashingState(startedMs: number, nowMs: number): PodState & { untilMs: number } {
  const loop = crashLoopAt(nowMs - startedMs);
  const runStartedMs = startedMs + loop.runStartedMs;
  const crashedMs = runStartedMs + CRASH_RUN_MS;
  const { running, restarts, backoffMs } = loop;
  const common = { kind: "crashing", running, restarts, backoffMs } as const;
  if (!running)
    return {
      ...common,
      sinceMs: crashedMs,
      lastRun: { startedMs: runStartedMs, finishedMs: crashedMs },
      untilMs: crashedMs + backoffMs,
    };
  const before = loop.runStartedMs === 0 ? undefined : startedMs + crashLoopAt(loop.runStartedMs - 1).runStartedMs;
  const lastRun = before === undefined ? undefined : { startedMs: before, finishedMs: before + CRASH_RUN_MS };
  return { ...common, sinceMs: runStartedMs, lastRun, untilMs: crashedMs };
}
