import { isoSeconds, MINUTE_MS } from "../durations.ts";
import { at, compact, type Json, type JsonObject, listAt, numberAt, objectAt, textAt } from "../json.ts";
import { type KubeObject, labelsOf, matchesSelector, namespaceOf } from "../kube-object.ts";
import { isReadyPod, replicasOf } from "./pods-of.ts";
import { condition, type World } from "./world.ts";

/** What every pod uses of the processor it asked for, in per cent: the cluster has no load of its own. */
const USE_PERCENT = 40;
const UNSCHEDULABLE = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Nodes report every minute, and a cordoned one is tainted. */
export function runNodes(world: World): void {
  const reportedAt = isoSeconds(Math.floor(world.nowMs / MINUTE_MS) * MINUTE_MS);
  for (const node of world.list("Node")) {
    world.change(node, (draft) => {
      const spec = objectAt(draft, "spec");
      const others = listAt(spec, "taints").filter((taint) => textAt(taint, "key") !== UNSCHEDULABLE.key);
      const taints: Json[] = at(spec, "unschedulable") === true ? [...others, UNSCHEDULABLE] : others;
      if (taints.length > 0) spec["taints"] = taints;
      else delete spec["taints"];
      for (const entry of listAt(draft, "status", "conditions")) objectAt(entry)["lastHeartbeatTime"] = reportedAt;
    });
  }
}

/** Says how many pods of a budget may be taken away now. */
export function runBudgets(world: World): void {
  for (const budget of world.list("PodDisruptionBudget")) {
    const pods = world
      .list("Pod")
      .filter(
        (pod) =>
          namespaceOf(pod) === namespaceOf(budget) &&
          matchesSelector(objectAt(budget, "spec", "selector"), labelsOf(pod)),
      );
    const healthy = pods.filter(isReadyPod).length;
    const share = (value: Json | undefined): number =>
      typeof value === "number"
        ? value
        : Math.ceil((Number(/^(\d+)%$/.exec(typeof value === "string" ? value : "")?.[1] ?? 0) / 100) * pods.length);
    const least = at(budget, "spec", "minAvailable");
    const desired =
      least === undefined ? Math.max(0, pods.length - share(at(budget, "spec", "maxUnavailable"))) : share(least);
    const allowed = Math.max(0, healthy - desired);
    world.setStatus(budget, {
      observedGeneration: numberAt(budget, "metadata", "generation") ?? 1,
      expectedPods: pods.length,
      currentHealthy: healthy,
      desiredHealthy: desired,
      disruptionsAllowed: allowed,
      conditions: [
        keptCondition(
          budget,
          "DisruptionAllowed",
          allowed > 0,
          allowed > 0 ? "SufficientPods" : "InsufficientPods",
          world,
        ),
      ],
    });
  }
}

/** Says how many replicas an autoscaler sees and wants, and brings too few or too many within its bounds. */
export function runAutoscalers(world: World): void {
  for (const scaler of world.list("HorizontalPodAutoscaler")) {
    const target = targetOf(scaler, world);
    const [least, most] = [numberAt(scaler, "spec", "minReplicas") ?? 1, numberAt(scaler, "spec", "maxReplicas") ?? 1];
    if (target === undefined) {
      world.setStatus(scaler, {
        currentReplicas: 0,
        desiredReplicas: 0,
        conditions: [keptCondition(scaler, "AbleToScale", false, "FailedGetScale", world)],
      });
      continue;
    }
    const current = replicasOf(target);
    const wanted = numberAt(scaler, "spec", "metrics", 0, "resource", "target", "averageUtilization") ?? 80;
    const desired = Math.min(most, Math.max(least, Math.ceil((current * USE_PERCENT) / wanted)));
    // It takes nothing away: a real one waits for five minutes of little load before it does.
    const next = Math.min(most, Math.max(current, desired, least));
    if (next !== current && current > 0)
      world.change(target, (draft) => {
        draft["spec"] = { ...objectAt(draft, "spec"), replicas: next };
        draft.metadata["generation"] = (numberAt(draft, "metadata", "generation") ?? 1) + 1;
      });
    world.setStatus(scaler, scalerStatus(scaler, { current, desired: next, most }, world));
  }
}

function targetOf(scaler: KubeObject, world: World): KubeObject | undefined {
  const kind = textAt(scaler, "spec", "scaleTargetRef", "kind") ?? "";
  const name = textAt(scaler, "spec", "scaleTargetRef", "name") ?? "";
  return ["Deployment", "StatefulSet", "ReplicaSet"].includes(kind)
    ? world.get(kind, namespaceOf(scaler), name)
    : undefined;
}

function scalerStatus(
  scaler: KubeObject,
  { current, desired, most }: { current: number; desired: number; most: number },
  world: World,
): JsonObject {
  const isLimited = desired === most;
  return compact({
    observedGeneration: numberAt(scaler, "metadata", "generation"),
    currentReplicas: current,
    desiredReplicas: desired,
    currentMetrics: [
      {
        type: "Resource",
        resource: { name: "cpu", current: { averageUtilization: USE_PERCENT, averageValue: "40m" } },
      },
    ],
    conditions: [
      keptCondition(scaler, "AbleToScale", true, "ReadyForNewScale", world),
      keptCondition(scaler, "ScalingActive", true, "ValidMetricFound", world),
      keptCondition(scaler, "ScalingLimited", isLimited, isLimited ? "TooManyReplicas" : "DesiredWithinRange", world),
    ],
  });
}

function keptCondition(object: KubeObject, type: string, holds: boolean, reason: string, world: World): JsonObject {
  const before = listAt(object, "status", "conditions").find((entry) => textAt(entry, "type") === type);
  const next = condition(type, holds, world.nowMs, { reason });
  return textAt(before, "status") === next["status"]
    ? { ...next, lastTransitionTime: textAt(before, "lastTransitionTime") ?? "" }
    : next;
}

/** A definition is served at once. */
export function runDefinitions(world: World): void {
  for (const definition of world.list("CustomResourceDefinition")) {
    const names = objectAt(definition, "spec", "names");
    const since = textAt(definition, "status", "conditions", 0, "lastTransitionTime") ?? isoSeconds(world.nowMs);
    const why = (type: string, reason: string, message: string): JsonObject => ({
      type,
      status: "True",
      lastTransitionTime: since,
      reason,
      message,
    });
    const versions = listAt(definition, "spec", "versions").filter((version) => at(version, "storage") === true);
    world.setStatus(definition, {
      acceptedNames: names,
      conditions: [
        why("NamesAccepted", "NoConflicts", "no conflicts found"),
        why("Established", "InitialNamesAccepted", "the initial names have been accepted"),
      ],
      storedVersions: versions.map((version) => textAt(version, "name") ?? ""),
    });
  }
}
