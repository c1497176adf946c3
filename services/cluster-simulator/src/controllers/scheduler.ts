import { isoSeconds, MINUTE_MS } from "../durations.ts";
import { pickNumber } from "../fixed-random.ts";
import { at, type Json, type JsonObject, listAt, textAt, textsAt } from "../json.ts";
import { createdMsOf, isLeaving, type KubeObject, labelsOf, namespaceOf } from "../kube-object.ts";
import { quantityOf } from "../kinds/pod-template.ts";
import { condition, type World } from "./world.ts";

/** How often the scheduler tries again, at the latest. */
const RETRY_MS = 5 * MINUTE_MS;

/** Puts pods on nodes that take them, and says of the others why none does. */
export function schedule(world: World): void {
  const nodes = world.list("Node");
  for (const pod of world.list("Pod")) {
    if (textAt(pod, "spec", "nodeName") !== undefined || isLeaving(pod)) continue;
    const refusals = nodes.map((node) => refusal(pod, node));
    const claim = unboundClaim(pod, world);
    const free = claim === undefined ? nodes.filter((_, index) => refusals[index] === undefined) : [];
    const node = free[pickNumber(pod.metadata.name, Math.max(1, free.length))];
    if (node === undefined) leavePending(pod, reasonText(nodes.length, refusals, claim), world);
    else
      world.change(pod, (draft) => {
        const spec = draft["spec"];
        if (typeof spec === "object" && spec !== null && !Array.isArray(spec)) spec["nodeName"] = node.metadata.name;
        draft["status"] = { phase: "Pending", startTime: isoSeconds(world.nowMs), qosClass: "Burstable" };
      });
  }
}

function refusal(pod: KubeObject, node: KubeObject): string | undefined {
  if (at(node, "spec", "unschedulable") === true) return "node(s) were unschedulable";
  const labels = labelsOf(node);
  const wanted = Object.entries(textsAt(pod, "spec", "nodeSelector"));
  if (!wanted.every(([key, value]) => labels[key] === value))
    return "node(s) didn't match Pod's node affinity/selector";
  const taint = untolerated(pod, node);
  if (taint !== undefined)
    return `node(s) had untolerated taint {${textAt(taint, "key") ?? ""}: ${textAt(taint, "value") ?? ""}}`;
  if (requested(pod, "cpu") > quantityOf(at(node, "status", "allocatable", "cpu"))) return "Insufficient cpu";
  return requested(pod, "memory") > quantityOf(at(node, "status", "allocatable", "memory"))
    ? "Insufficient memory"
    : undefined;
}

function untolerated(pod: KubeObject, node: KubeObject): Json | undefined {
  const tolerations = listAt(pod, "spec", "tolerations");
  return listAt(node, "spec", "taints").find((taint) => {
    if (textAt(taint, "effect") === "PreferNoSchedule") return false;
    return !tolerations.some((toleration) => {
      const key = textAt(toleration, "key");
      if (key !== undefined && key !== textAt(taint, "key")) return false;
      return textAt(toleration, "operator") === "Exists" || textAt(toleration, "value") === textAt(taint, "value");
    });
  });
}

function requested(pod: KubeObject, resource: string): number {
  return listAt(pod, "spec", "containers").reduce<number>(
    (sum, container) => sum + quantityOf(at(container, "resources", "requests", resource)),
    0,
  );
}

function unboundClaim(pod: KubeObject, world: World): string | undefined {
  for (const volume of listAt(pod, "spec", "volumes")) {
    const name = textAt(volume, "persistentVolumeClaim", "claimName");
    if (name === undefined) continue;
    const claim = world.get("PersistentVolumeClaim", namespaceOf(pod), name);
    if (claim === undefined) return `persistentvolumeclaim "${name}" not found.`;
    if (textAt(claim, "status", "phase") !== "Bound") return "pod has unbound immediate PersistentVolumeClaims.";
  }
  return undefined;
}

function reasonText(count: number, refusals: readonly (string | undefined)[], claim: string | undefined): string {
  if (claim !== undefined) return `0/${count} nodes are available: ${claim}`;
  const counts = new Map<string, number>();
  for (const reason of refusals) if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return `0/${count} nodes are available: ${[...counts].map(([reason, times]) => `${times} ${reason}`).join(", ")}.`;
}

function leavePending(pod: KubeObject, message: string, world: World): void {
  const bornMs = createdMsOf(pod);
  const status: JsonObject = {
    phase: "Pending",
    conditions: [condition("PodScheduled", false, bornMs, { reason: "Unschedulable", message })],
    qosClass: "Burstable",
  };
  world.setStatus(pod, status);
  const tries = Math.floor((world.nowMs - bornMs) / RETRY_MS);
  world.wakeAt(bornMs + (tries + 1) * RETRY_MS);
  world.happen({
    about: pod,
    type: "Warning",
    reason: "FailedScheduling",
    message,
    source: "default-scheduler",
    firstMs: bornMs,
    lastMs: bornMs + tries * RETRY_MS,
    count: tries + 1,
  });
}
