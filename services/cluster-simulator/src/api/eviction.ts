import { ApiStatus } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { numberAt, objectAt } from "../json.ts";
import { labelsOf, matchesSelector, namespaceOf } from "../kube-object.ts";
import { findObject } from "./reads.ts";
import type { ApiReply, ResourceRequest } from "./request.ts";
import { deleteObject } from "./writes.ts";

/** Deletes a pod unless a budget needs it: what a drain does. */
export async function evict(cluster: Cluster, request: ResourceRequest): Promise<ApiReply> {
  const pod = findObject(cluster, request);
  const blocking = cluster.store
    .list(cluster.kinds.named("PodDisruptionBudget"))
    .find(
      (budget) =>
        namespaceOf(budget) === namespaceOf(pod) &&
        matchesSelector(objectAt(budget, "spec", "selector"), labelsOf(pod)) &&
        (numberAt(budget, "status", "disruptionsAllowed") ?? 0) < 1,
    );
  if (blocking !== undefined) {
    const message = "Cannot evict pod as it would violate the pod's disruption budget.";
    const cause = {
      reason: "DisruptionBudget",
      message: `The disruption budget ${blocking.metadata.name} needs ${numberAt(blocking, "status", "desiredHealthy") ?? 0} healthy pods and has ${numberAt(blocking, "status", "currentHealthy") ?? 0} currently`,
      field: "",
    };
    throw new ApiStatus(429, "TooManyRequests", message, { causes: [cause] });
  }
  const body = async () => objectAt(await request.body(), "deleteOptions");
  await deleteObject(cluster, { ...request, body });
  return { status: 201, json: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 } };
}
