import type { Node, Workload } from "../cluster-objects.ts";
import { agoOf } from "../times.ts";
import { listed, quote, refOf, type Finding } from "./finding.ts";
import { conditionOf, eventsOf } from "./relations.ts";
import type { Snapshot } from "./snapshot.ts";

/** Rollouts that do not get on. */
export function findStuckRollouts(snapshot: Snapshot): Finding[] {
  return snapshot.deployments.flatMap((deployment) => {
    const found = refusedPods(deployment) ?? stuck(deployment);
    return found === undefined ? [] : [{ ...found, object: refOf("Deployment", deployment.metadata) }];
  });
}

type Found = Omit<Finding, "object">;

function refusedPods(deployment: Workload): Found | undefined {
  const failure = conditionOf(deployment, "ReplicaFailure");
  if (failure?.status !== "True") return undefined;
  return {
    severity: "critical",
    evidence: `its pods cannot be made: ${quote(failure.message ?? failure.reason)}`,
    suggestion: "correct what the message names: a quota, an admission rule, a service account",
  };
}

function stuck(deployment: Workload): Found | undefined {
  const { spec, status } = deployment;
  const { updatedReplicas: updated = 0, availableReplicas: available = 0 } = status ?? {};
  const wanted = spec.replicas ?? 1;
  const counts = `${updated} of ${wanted} pods are of the new version, ${available} are available`;
  const progress = conditionOf(deployment, "Progressing");
  if (progress?.status === "False" && progress.reason === "ProgressDeadlineExceeded") {
    return {
      severity: "critical",
      evidence: `its rollout has not got on in time: ${counts}`,
      suggestion: "see what is wrong with its new pods (checks crashloop, imagepull, probes, pending), or roll back",
    };
  }
  if (spec.paused !== true || updated >= wanted) return undefined;
  const suggestion = "resume it, or undo the change, when whoever paused it is done";
  return { severity: "info", evidence: `its rollout is paused: ${counts}`, suggestion };
}

/** Workloads that cannot make their pods, whose only trace is an event: StatefulSets, DaemonSets and Jobs have no condition for it. */
export function findFailedCreates(snapshot: Snapshot): Finding[] {
  const workloads = [
    ...snapshot.statefulSets.map(
      ({ metadata, spec, status }) =>
        ["StatefulSet", metadata, (status?.replicas ?? 0) < (spec.replicas ?? 1)] as const,
    ),
    ...snapshot.daemonSets.map(
      ({ metadata, status }) =>
        ["DaemonSet", metadata, (status?.numberReady ?? 0) < (status?.desiredNumberScheduled ?? 0)] as const,
    ),
  ];
  return workloads.flatMap(([kind, metadata, isShort]) => {
    const object = refOf(kind, metadata);
    const event = isShort ? eventsOf(snapshot, object).find(({ reason }) => reason === "FailedCreate") : undefined;
    if (event === undefined) return [];
    const suggestion = "correct what the message names: a quota, an admission rule, a volume claim";
    return [{ severity: "critical", object, evidence: `its pods cannot be made: ${quote(event.message)}`, suggestion }];
  });
}

export function findFailedJobs({ jobs, now }: Snapshot): Finding[] {
  return jobs.flatMap(({ metadata, status }) => {
    const failed = status?.conditions?.find(({ type, status: is }) => type === "Failed" && is === "True");
    if (failed === undefined) return [];
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    return [
      {
        severity: "warning" as const,
        object: refOf("Job", metadata),
        evidence: `it failed ${agoOf(failed.lastTransitionTime, now)} ago (${failed.reason ?? "no reason"}): ${quote(failed.message)}`,
        suggestion: `read the log of its pods: k8s_pod_logs with ownerKind Job, ownerName ${metadata.name}`,
        ...(owner && { alike: `${owner.kind} ${metadata.namespace ?? ""}/${owner.name}` }),
      },
    ];
  });
}

const PRESSURES = new Set(["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"]);

/** Nodes that do not work, are short of something, or take no pods. */
export function findNodes({ nodes, now }: Snapshot): Finding[] {
  return nodes.flatMap((node) => {
    const found = notReady(node, now) ?? underPressure(node) ?? cordoned(node);
    return found === undefined ? [] : [{ ...found, object: refOf("Node", node.metadata) }];
  });
}

function notReady(node: Node, now: Date): Found | undefined {
  const ready = conditionOf(node, "Ready");
  if (ready?.status === "True") return undefined;
  const { lastTransitionTime, message = "it never told its state" } = ready ?? {};
  return {
    severity: "critical",
    evidence: `not ready for ${agoOf(lastTransitionTime, now)}: ${quote(message)}`,
    suggestion: "look at its kubelet, its network and its machine",
  };
}

function underPressure({ status }: Node): Found | undefined {
  const bad = (status?.conditions ?? []).filter(({ type, status: is }) => PRESSURES.has(type) && is === "True");
  if (bad.length === 0) return undefined;
  return {
    severity: "warning",
    evidence: listed(bad.map(({ type, message }) => `${type}: ${quote(message)}`)),
    suggestion: "pods will be evicted from it: see with k8s_top_nodes and k8s_list_pods by node what uses it up",
  };
}

function cordoned({ spec }: Node): Found | undefined {
  if (spec?.unschedulable !== true) return undefined;
  const suggestion = "uncordon it when its work is done";
  return { severity: "info", evidence: "it is cordoned and gets no new pods", suggestion };
}
