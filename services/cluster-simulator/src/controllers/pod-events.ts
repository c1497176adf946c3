import { listAt, textAt } from "../json.ts";
import { type KubeObject, nameOf, namespaceOf } from "../kube-object.ts";
import type { PodState } from "./pod-state.ts";
import type { Happening, World } from "./world.ts";

/** What the kubelet reports of a pod: derived from what the pod does, so that it fits what the pod shows. */
export function podEvents(pod: KubeObject, { state, bornMs }: { state: PodState; bornMs: number }, world: World): void {
  const node = textAt(pod, "spec", "nodeName") ?? "";
  world.happen({
    about: pod,
    type: "Normal",
    reason: "Scheduled",
    message: `Successfully assigned ${namespaceOf(pod) ?? ""}/${nameOf(pod)} to ${node}`,
    source: "default-scheduler",
    firstMs: bornMs,
    lastMs: bornMs,
  });
  if (state.kind === "starting") return;
  for (const container of listAt(pod, "spec", "containers")) {
    const name = textAt(container, "name") ?? "";
    const image = textAt(container, "image") ?? "";
    const subject = { about: pod, fieldPath: `spec.containers{${name}}`, source: "kubelet" };
    for (const event of containerEvents(pod, { name, image, state, bornMs })) world.happen({ ...subject, ...event });
  }
}

type Container = { name: string; image: string; state: PodState; bornMs: number };
type ContainerEvent = Pick<Happening, "type" | "reason" | "message" | "firstMs" | "lastMs" | "count">;

function containerEvents(pod: KubeObject, { name, image, state, bornMs }: Container): ContainerEvent[] {
  if (state.kind === "waiting") return waitingEvents(image, state, bornMs);
  const crash = state.kind === "crashing" ? state : undefined;
  const lastMs =
    crash === undefined ? state.sinceMs : crash.running ? crash.sinceMs : (crash.lastRun?.startedMs ?? crash.sinceMs);
  const spread = { firstMs: bornMs, lastMs, count: (crash?.restarts ?? 0) + 1 };
  const starts: ContainerEvent[] = [
    { type: "Normal", reason: "Pulled", message: `Container image "${image}" already present on machine`, ...spread },
    { type: "Normal", reason: "Created", message: `Created container: ${name}`, ...spread },
    { type: "Normal", reason: "Started", message: `Started container ${name}`, ...spread },
  ];
  if (state.kind === "running" && !state.isReady)
    return [
      ...starts,
      {
        type: "Warning",
        reason: "Unhealthy",
        message: "Readiness probe failed: HTTP probe failed with statuscode: 503",
        ...spread,
      },
    ];
  if (crash?.lastRun === undefined) return starts;
  const message = `Back-off restarting failed container ${name} in pod ${nameOf(pod)}_${namespaceOf(pod) ?? ""}(${pod.metadata.uid})`;
  return [
    ...starts,
    {
      type: "Warning",
      reason: "BackOff",
      message,
      ...spread,
      lastMs: Math.max(crash.lastRun.finishedMs, crash.sinceMs),
    },
  ];
}

function waitingEvents(image: string, state: PodState & { kind: "waiting" }, bornMs: number): ContainerEvent[] {
  const spread = { type: "Warning" as const, firstMs: bornMs, lastMs: state.sinceMs, count: state.tries };
  return [
    { ...spread, reason: "Failed", message: `Failed to pull image "${image}": not found` },
    ...(state.tries > 1 ? [{ ...spread, reason: "BackOff", message: `Back-off pulling image "${image}"` }] : []),
  ];
}
