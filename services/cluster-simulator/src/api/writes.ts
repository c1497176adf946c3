import { badRequest, conflict, invalid, unsupportedMedia } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { isoSeconds } from "../durations.ts";
import { isObject, type Json, type JsonObject, listAt, textAt } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";
import { jsonPatch } from "../patch/json-patch.ts";
import { mergePatch } from "../patch/merge-patch.ts";
import { applyConfiguration } from "../patch/server-side-apply.ts";
import { strategicPatch } from "../patch/strategic-patch.ts";
import { subjectOf } from "../store/drafts.ts";
import type { Next } from "../store/registry.ts";
import { apiVersionOf, type Place, placeKey, type ResourceKind } from "../store/resource-kind.ts";
import { type ApiReply, isTrue, objectBody, ok, type ResourceRequest, writeOptions } from "./request.ts";

const PATCH_TYPES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
] as const;

function placeIn({ path }: ResourceRequest): Place {
  return { namespace: path.namespace, name: path.name ?? "" };
}

function checkKind(kind: ResourceKind, body: JsonObject): void {
  const [given, version] = [textAt(body, "kind") ?? kind.kind, textAt(body, "apiVersion") ?? apiVersionOf(kind)];
  if (given === kind.kind && version === apiVersionOf(kind)) return;
  throw badRequest(
    `the API version in the data (${version}) does not match the expected API version (${apiVersionOf(kind)})`,
  );
}

export async function createObject({ registry }: Cluster, request: ResourceRequest): Promise<ApiReply> {
  const body = await objectBody(request);
  checkKind(request.kind, body);
  const object = registry.create(request.kind, request.path.namespace, { object: body }, writeOptions(request));
  return { status: 201, json: object };
}

export async function replaceObject(
  { registry }: Cluster,
  request: ResourceRequest,
  subresource?: string,
): Promise<ApiReply> {
  const body = await objectBody(request);
  checkKind(request.kind, body);
  const name = textAt(body, "metadata", "name");
  if (name !== request.path.name) throw badRequest("the name of the object does not match the name on the URL");
  const options = writeOptions(request, subresource === undefined ? {} : { subresource });
  return ok(registry.update(request.kind, placeIn(request), () => ({ object: body }), options));
}

/** All four ways to change a part of an object. */
export async function patchObject(cluster: Cluster, request: ResourceRequest, subresource?: string): Promise<ApiReply> {
  const { contentType } = request;
  if (!PATCH_TYPES.some((type) => type === contentType)) throw unsupportedMedia(PATCH_TYPES);
  const patch = (await request.body()) ?? {};
  if (contentType === "application/apply-patch+yaml") return apply(cluster, request, patch, subresource);
  const options = writeOptions(request, subresource === undefined ? {} : { subresource });
  const object = cluster.registry.update(
    request.kind,
    placeIn(request),
    (current) => ({ object: patched(cluster, request, current, patch), isPatched: true }),
    options,
  );
  return ok(object);
}

function patched(
  { schemas }: Cluster,
  { kind, contentType }: ResourceRequest,
  current: KubeObject,
  patch: Json,
): JsonObject {
  const result = patchOf(contentType);
  if (!isObject(result)) throw badRequest("the patch makes no object");
  return result;

  function patchOf(type: string): Json {
    if (type === "application/json-patch+json") return jsonPatch(current, patch);
    if (!isObject(patch)) throw badRequest("the patch is not an object");
    if (type === "application/merge-patch+json") return mergePatch(current, patch);
    // Of a kind that a definition added, nobody knows how its lists are merged.
    if (kind.definition === undefined)
      throw unsupportedMedia(PATCH_TYPES.filter((name) => !name.includes("strategic")));
    return strategicPatch(schemas, kind.schema, current, patch);
  }
}

async function apply(cluster: Cluster, request: ResourceRequest, body: Json, subresource?: string): Promise<ApiReply> {
  const { schemas, store, registry, now } = cluster;
  const { kind, url } = request;
  if (!isObject(body)) throw badRequest("the configuration is not an object");
  checkKind(kind, body);
  if (!url.searchParams.get("fieldManager"))
    throw invalid({ plural: "patchoptions", group: "meta.k8s.io", kind: "PatchOptions", name: "" }, [
      { reason: "FieldValueRequired", message: "Required value: is required for apply patch", field: "fieldManager" },
    ]);
  if (listAt(body, "metadata", "managedFields").length > 0) throw badRequest("metadata.managedFields must be nil");
  const options = writeOptions(request, { operation: "Apply", ...(subresource !== undefined && { subresource }) });
  const force = isTrue(url.searchParams.get("force"));
  const next = (live: KubeObject | undefined): Next =>
    applyConfiguration(schemas, kind.schema, live, {
      configuration: body,
      manager: options.manager,
      force,
      time: isoSeconds(now()),
      apiVersion: apiVersionOf(kind),
    });
  const place = placeIn(request);
  if (store.get(kind, placeKey(place)) !== undefined) return ok(registry.update(kind, place, next, options));
  const version = textAt(body, "metadata", "resourceVersion");
  const uid = textAt(body, "metadata", "uid");
  if (version !== undefined || uid !== undefined) throw notFoundForPrecondition(kind, place);
  const made = registry.create(
    kind,
    place.namespace,
    { ...next(undefined), object: { ...body, metadata: { ...metadataOf(body), name: place.name } } },
    options,
  );
  return { status: 201, json: made };
}

function metadataOf(body: JsonObject): JsonObject {
  const { metadata } = body;
  return isObject(metadata) ? metadata : {};
}

function notFoundForPrecondition(kind: ResourceKind, { name }: Place) {
  return conflict(
    subjectOf(kind, name),
    "uid mismatch: the provided object specified uid or resourceVersion, and no existing object was found",
  );
}
