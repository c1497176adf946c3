import { isoSeconds, SECOND_MS } from "../durations.ts";
import { pickNumber, pickUid } from "../fixed-random.ts";
import { type Json, type JsonObject, listAt, numberAt, textAt } from "../json.ts";
import { isLeaving, type KubeObject, nameOf, namespaceOf } from "../kube-object.ts";
import { behaviourOf, missingReference } from "./pod-behaviour.ts";
import { podEvents } from "./pod-events.ts";
import { type PodState, podStateAt, type Run } from "./pod-state.ts";
import { condition, type World } from "./world.ts";

/** The address of a node, by the number at the end of its name. */
function nodeAddress(node: string): string {
  return `10.10.0.${10 + Number(/\d+$/.exec(node)?.[0] ?? 0)}`;
}

/** How long programs take to stop when they are asked to. */
const STOP_MS = 2 * SECOND_MS;

export type Exit = { exitCode: number; reason: string };

/** Lets all pods that have a node do what they do at this moment, and removes those that have stopped. */
export function runKubelets(world: World): void {
  for (const pod of world.list("Pod")) {
    if (textAt(pod, "spec", "nodeName") === undefined) continue;
    if (isLeaving(pod) && isStopped(pod, world)) world.remove(pod);
    else run(pod, world);
  }
}

function isStopped(pod: KubeObject, world: World): boolean {
  const grace = numberAt(pod, "metadata", "deletionGracePeriodSeconds") ?? 0;
  const askedMs = Date.parse(textAt(pod, "metadata", "deletionTimestamp") ?? "") - grace * SECOND_MS;
  const stoppedMs = askedMs + Math.min(STOP_MS, grace * SECOND_MS);
  if (world.nowMs < stoppedMs) world.wakeAt(stoppedMs);
  return world.nowMs >= stoppedMs;
}

function run(pod: KubeObject, world: World): void {
  const startedAt = textAt(pod, "status", "startTime");
  const bornMs = startedAt === undefined ? world.nowMs : Date.parse(startedAt);
  const behaviour = behaviourOf(pod, world);
  const { untilMs, ...state } = podStateAt(behaviour, bornMs, world.nowMs);
  if (untilMs !== undefined) world.wakeAt(untilMs);
  const exit = behaviour === "oom" ? { exitCode: 137, reason: "OOMKilled" } : { exitCode: 1, reason: "Error" };
  const wait =
    behaviour === "config-missing"
      ? { reason: "CreateContainerConfigError", message: missingReference(pod, world) ?? "" }
      : undefined;
  world.setStatus(pod, podStatus(pod, { state, bornMs, exit, wait }));
  podEvents(pod, { state, bornMs }, world);
}

type Moment = { state: PodState; bornMs: number; exit: Exit; wait: { reason: string; message: string } | undefined };

function isReady(state: PodState): boolean {
  return state.kind === "running" && state.isReady;
}

function podStatus(pod: KubeObject, moment: Moment): JsonObject {
  const { state, bornMs } = moment;
  const containers = listAt(pod, "spec", "containers");
  const names = containers.map((container) => textAt(container, "name") ?? "").join(" ");
  const ready = isReady(state);
  const unready = ready
    ? {}
    : state.kind === "ended"
      ? { reason: state.exitCode === 0 ? "PodCompleted" : "PodFailed" }
      : { reason: "ContainersNotReady", message: `containers with unready status: [${names}]` };
  const ip = `10.244.${pickNumber(textAt(pod, "spec", "nodeName") ?? "", 200)}.${2 + pickNumber(pod.metadata.uid, 250)}`;
  return {
    phase: phaseOf(state),
    conditions: [
      condition("Initialized", true, bornMs),
      condition("Ready", ready, state.sinceMs, unready),
      condition("ContainersReady", ready, state.sinceMs, unready),
      condition("PodScheduled", true, bornMs),
    ],
    hostIP: nodeAddress(textAt(pod, "spec", "nodeName") ?? ""),
    ...(state.kind !== "starting" && state.kind !== "waiting" && { podIP: ip, podIPs: [{ ip }] }),
    startTime: isoSeconds(bornMs),
    containerStatuses: containers.map((container) => containerStatus(pod, container, moment)),
    qosClass: "Burstable",
  };
}

function phaseOf(state: PodState): string {
  if (state.kind === "starting" || state.kind === "waiting") return "Pending";
  if (state.kind !== "ended") return "Running";
  return state.exitCode === 0 ? "Succeeded" : "Failed";
}

function containerStatus(pod: KubeObject, container: Json, moment: Moment): JsonObject {
  const { state, exit } = moment;
  const name = textAt(container, "name") ?? "";
  const image = textAt(container, "image") ?? "";
  const crash = state.kind === "crashing" ? state : undefined;
  const restartCount = crash?.restarts ?? 0;
  const isPulled = state.kind !== "starting" && state.kind !== "waiting";
  return {
    name,
    state: currentState(pod, name, moment),
    lastState: crash?.lastRun === undefined ? {} : { terminated: terminated(pod, crash.lastRun, exit) },
    ready: isReady(state),
    restartCount,
    image,
    imageID: isPulled ? `simulated://${pickUid(image)}` : "",
    ...(isPulled && { containerID: `simulated://${pickUid(`${pod.metadata.uid}/${name}/${restartCount}`)}` }),
    started: state.kind === "running",
  };
}

function currentState(pod: KubeObject, name: string, { state, wait }: Moment): JsonObject {
  switch (state.kind) {
    case "starting":
      return { waiting: { reason: "ContainerCreating" } };
    case "waiting":
      return { waiting: wait ?? pullFailure(pod, name, state.tries) };
    case "running":
      return { running: { startedAt: isoSeconds(state.sinceMs) } };
    case "ended": {
      const run = { startedMs: state.startedMs, finishedMs: state.sinceMs };
      return {
        terminated: terminated(pod, run, {
          exitCode: state.exitCode,
          reason: state.exitCode === 0 ? "Completed" : "Error",
        }),
      };
    }
    case "crashing": {
      if (state.running) return { running: { startedAt: isoSeconds(state.sinceMs) } };
      const place = `pod=${nameOf(pod)}_${namespaceOf(pod) ?? ""}(${pod.metadata.uid})`;
      const message = `back-off ${backoffText(state.backoffMs)} restarting failed container=${name} ${place}`;
      return { waiting: { reason: "CrashLoopBackOff", message } };
    }
  }
}

/** The kubelet says alternately that it failed and that it waits before the next try. */
function pullFailure(pod: KubeObject, name: string, tries: number): JsonObject {
  const container = listAt(pod, "spec", "containers").find((entry) => textAt(entry, "name") === name);
  const image = textAt(container, "image") ?? "";
  return tries <= 1
    ? { reason: "ErrImagePull", message: `failed to pull and unpack image "${image}": not found` }
    : { reason: "ImagePullBackOff", message: `Back-off pulling image "${image}"` };
}

function backoffText(ms: number): string {
  const seconds = ms / SECOND_MS;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function terminated(pod: KubeObject, run: Run, { exitCode, reason }: Exit): JsonObject {
  return {
    exitCode,
    reason,
    startedAt: isoSeconds(run.startedMs),
    finishedAt: isoSeconds(run.finishedMs),
    containerID: `simulated://${pickUid(`${pod.metadata.uid}/${run.startedMs}`)}`,
  };
}
