import type { Autoscaler, Claim, DisruptionBudget } from "../cluster-objects.ts";
import { lastSeen } from "../event-groups.ts";
import type { Pod } from "../pod-objects.ts";
import { parseQuantity } from "../quantity.ts";
import { agoOf, msSince } from "../times.ts";
import { listed, quote, refOf, type Finding } from "./finding.ts";
import { eventsOf } from "./relations.ts";
import type { Snapshot } from "./snapshot.ts";

const SETTLING_MS = 60_000;
const HOUR_MS = 60 * 60_000;
/** From here on the next rollout may not fit. */
const NEARLY_FULL = 0.9;

/** Claims that have no volume. */
export function findUnboundClaims(snapshot: Snapshot): Finding[] {
  return snapshot.claims.flatMap((claim): Finding[] => {
    const { metadata, spec, status } = claim;
    if (status?.phase === "Lost") {
      const object = refOf("PersistentVolumeClaim", metadata);
      const evidence = `its volume ${quote(spec.volumeName)} is gone`;
      return [{ severity: "critical", object, evidence, suggestion: "restore the volume, or the data from a backup" }];
    }
    const isNew = msSince(metadata.creationTimestamp, snapshot.now) < SETTLING_MS;
    return status?.phase !== "Pending" || isNew ? [] : [waitingClaim(claim, snapshot)];
  });
}

function waitingClaim({ metadata, spec }: Claim, snapshot: Snapshot): Finding {
  const object = refOf("PersistentVolumeClaim", metadata);
  const [event] = eventsOf(snapshot, object);
  const { reason = "", message = "" } = event ?? {};
  const isUsed = snapshot.pods.some(
    (pod) => pod.metadata.namespace === metadata.namespace && mounts(pod, metadata.name),
  );
  const isWaiting = reason === "WaitForFirstConsumer";
  const wants = `${spec.resources?.requests?.["storage"] ?? "?"} of class ${quote(spec.storageClassName ?? "(none)")}`;
  const words = event === undefined ? "no event tells why" : `${reason}: ${quote(message)}`;
  return {
    severity: isWaiting && !isUsed ? "info" : "critical",
    object,
    evidence: `it waits for a volume of ${wants} for ${agoOf(metadata.creationTimestamp, snapshot.now)}; ${words}`,
    suggestion: claimSuggestion(message, { isWaiting, isUsed }),
  };
}

function mounts({ spec: { volumes = [] } }: Pod, claim: string): boolean {
  return volumes.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim);
}

function claimSuggestion(message: string, { isWaiting, isUsed }: { isWaiting: boolean; isUsed: boolean }): string {
  if (isWaiting && !isUsed) return "nothing to do: it is bound when the first pod uses it";
  if (isWaiting) return "its pod has no node yet: see check pending";
  if (/storageclass.* not found|no persistent volumes available/i.test(message))
    return "is there such a storage class, or a free volume that fits in size and access mode? k8s_list_resources kind StorageClass";
  return "look at its storage class and at the pods of its provisioner";
}

/** Quotas that refuse pods, or soon will. */
export function findQuotas({ quotas, events, now }: Snapshot): Finding[] {
  const refused = events.filter(
    (event) => /exceeded quota/i.test(event.message ?? "") && msSince(lastSeen(event), now) < HOUR_MS,
  );
  return quotas.flatMap(({ metadata, status }) => {
    const full = Object.entries(status?.hard ?? {}).flatMap(([resource, hard]) => {
      const [used, most] = [parseQuantity(status?.used?.[resource]), parseQuantity(hard)];
      // 0 forbids the resource, which is meant so.
      const share = used === undefined || most === undefined || most <= 0 ? 0 : used / most;
      return share < NEARLY_FULL ? [] : [{ share, words: `${resource} ${status?.used?.[resource] ?? ""} of ${hard}` }];
    });
    const event = refused.find(
      (one) => one.metadata.namespace === metadata.namespace && one.message?.includes(metadata.name),
    );
    if (full.length === 0 && event === undefined) return [];
    const told =
      event === undefined
        ? []
        : [
            `${event.involvedObject?.kind ?? ""} ${event.involvedObject?.name ?? ""} was refused: ${quote(event.message)}`,
          ];
    return [
      {
        severity: event === undefined ? "warning" : "critical",
        object: refOf("ResourceQuota", metadata),
        evidence: [`used: ${listed(full.map(({ words }) => words)) || "below its bounds now"}`, ...told].join("; "),
        suggestion: "raise the quota, lower the requests of what is there, or remove what is not needed",
      },
    ];
  });
}

type Condition = NonNullable<NonNullable<Autoscaler["status"]>["conditions"]>[number];

/** Autoscalers that would add more pods than they may, and those that cannot scale. */
export function findAutoscalers({ autoscalers }: Snapshot): Finding[] {
  return autoscalers.flatMap((autoscaler): Finding[] => {
    const { metadata, spec, status } = autoscaler;
    const condition = (type: string): Condition | undefined => status?.conditions?.find((one) => one.type === type);
    const [able, active, limited] = ["AbleToScale", "ScalingActive", "ScalingLimited"].map((type) => condition(type));
    const object = refOf("HorizontalPodAutoscaler", metadata);
    const target = `${spec.scaleTargetRef.kind} ${spec.scaleTargetRef.name}`;
    if (able?.status === "False") {
      const evidence = `it cannot scale ${target}: ${quote(able.message ?? able.reason)}`;
      return [{ severity: "critical", object, evidence, suggestion: "does its target exist, and can it be scaled?" }];
    }
    if (active?.status === "False" && active.reason !== "ScalingDisabled") {
      const evidence = `it does not know the load of ${target}: ${quote(active.message ?? active.reason)}`;
      const suggestion =
        "is there a metrics API (k8s_top_pods), and do all containers request the resource it scales by?";
      return [{ severity: "warning", object, evidence, suggestion }];
    }
    if (!isAtMaximum(autoscaler, limited)) return [];
    return [
      {
        severity: "warning",
        object,
        evidence: `${target} has ${status?.currentReplicas ?? 0} pods, its maximum, and would get more`,
        suggestion: "raise maxReplicas if nodes and quota have room, or find out what the load is",
      },
    ];
  });
}

function isAtMaximum({ spec, status }: Autoscaler, limited: Condition | undefined): boolean {
  const { minReplicas = 1, maxReplicas } = spec;
  if (minReplicas === maxReplicas || (status?.currentReplicas ?? 0) < maxReplicas) return false;
  // Older versions do not tell whether it wants more; being there is all that is known.
  return limited === undefined || (limited.status === "True" && limited.reason === "TooManyReplicas");
}

/** Budgets that let no pod be moved: a node with such a pod cannot be drained. */
export function findBlockingBudgets({ budgets }: Snapshot): Finding[] {
  return budgets.flatMap((budget): Finding[] => {
    const { metadata, status } = budget;
    const { expectedPods = 0, disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
    const object = refOf("PodDisruptionBudget", metadata);
    if (status === undefined || disruptionsAllowed > 0) return [];
    if (expectedPods === 0) {
      const suggestion = "correct its selector, or remove it";
      return [{ severity: "info", object, evidence: "it guards no pod: its selector matches none", suggestion }];
    }
    const isUnwell = currentHealthy < desiredHealthy;
    return [
      {
        severity: "warning",
        object,
        evidence: `no pod of it may be evicted (${boundOf(budget)}): ${currentHealthy} of ${expectedPods} are healthy and ${desiredHealthy} must be`,
        suggestion: isUnwell
          ? "pods of it are not ready: mend these first"
          : "more replicas, or a smaller minAvailable or a maxUnavailable of 1, let nodes be drained",
      },
    ];
  });
}

function boundOf({ spec: { minAvailable, maxUnavailable } }: DisruptionBudget): string {
  return maxUnavailable === undefined ? `minAvailable ${minAvailable ?? 1}` : `maxUnavailable ${maxUnavailable}`;
}
