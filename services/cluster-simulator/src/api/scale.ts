import { badRequest, invalid, unsupportedMedia } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { isObject, type Json, type JsonObject, numberAt, objectAt, textAt, textsAt } from "../json.ts";
import { type KubeObject, namespaceOf } from "../kube-object.ts";
import { jsonPatch } from "../patch/json-patch.ts";
import { mergePatch } from "../patch/merge-patch.ts";
import { subjectOf } from "../store/registry.ts";
import { findObject } from "./reads.ts";
import { type ApiReply, ok, type ResourceRequest, writeOptions } from "./request.ts";

function scaleOf(object: KubeObject): JsonObject {
  const { name, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = Object.entries(textsAt(object, "spec", "selector", "matchLabels")).map(
    ([key, value]) => `${key}=${value}`,
  );
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace: namespaceOf(object) ?? "", uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberAt(object, "spec", "replicas") ?? 0 },
    status: { replicas: numberAt(object, "status", "replicas") ?? 0, selector: selector.join(",") },
  };
}

/** The scale of a Deployment, ReplicaSet or StatefulSet: how many pods, and nothing else. */
export async function scaleReply(cluster: Cluster, request: ResourceRequest): Promise<ApiReply> {
  const { kind, path, method, contentType } = request;
  const current = findObject(cluster, request);
  if (method === "GET") return ok(scaleOf(current));
  const body = (await request.body()) ?? {};
  const wanted = method === "PUT" ? body : patched(scaleOf(current), body, contentType);
  const replicas = numberAt(wanted, "spec", "replicas") ?? 0;
  if (!isObject(wanted) || !Number.isInteger(replicas)) throw badRequest("spec.replicas is not a whole number");
  if (replicas < 0)
    throw invalid({ ...subjectOf(kind, current.metadata.name), kind: "Scale", group: "autoscaling" }, [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
        field: "spec.replicas",
      },
    ]);
  const options = writeOptions(request, { subresource: "scale" });
  const place = { namespace: path.namespace, name: path.name ?? "" };
  const resourceVersion = textAt(wanted, "metadata", "resourceVersion");
  const { object } = cluster.registry.update(
    kind,
    place,
    (live) => ({
      object: {
        ...live,
        metadata: { ...live.metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
        spec: { ...objectAt(live, "spec"), replicas },
      },
    }),
    options,
  );
  return ok(scaleOf(object));
}

function patched(scale: JsonObject, patch: Json, contentType: string): Json {
  if (contentType === "application/json-patch+json") return jsonPatch(scale, patch);
  if (
    ["application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"].includes(
      contentType,
    )
  )
    return mergePatch(scale, patch);
  throw unsupportedMedia(["application/json-patch+json", "application/merge-patch+json"]);
}
