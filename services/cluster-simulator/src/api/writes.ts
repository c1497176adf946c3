import { z } from "zod";
import { badRequest, conflict, notFound, unsupportedMedia } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { isoSeconds } from "../durations.ts";
import { isObject, type Json, type JsonObject, numberAt, listAt, textAt } from "../json.ts";
import { isLeaving, type KubeObject } from "../kube-object.ts";
import { jsonPatch } from "../patch/json-patch.ts";
import { mergePatch } from "../patch/merge-patch.ts";
import { applyConfiguration } from "../patch/server-side-apply.ts";
import { strategicPatch } from "../patch/strategic-patch.ts";
import { type Next, subjectOf } from "../store/registry.ts";
import { apiVersionOf, type Place, placeKey, type ResourceKind } from "../store/resource-kind.ts";
import { selectionOf } from "./reads.ts";
import { type ApiReply, isTrue, objectBody, ok, type ResourceRequest, writeOptions } from "./request.ts";

export const PATCH_TYPES = [
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
  const { object } = registry.create(request.kind, request.path.namespace, { object: body }, writeOptions(request));
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
  return ok(registry.update(request.kind, placeIn(request), () => ({ object: body }), options).object);
}

/** All four ways to change a part of an object. */
export async function patchObject(cluster: Cluster, request: ResourceRequest, subresource?: string): Promise<ApiReply> {
  const { contentType } = request;
  if (!PATCH_TYPES.some((type) => type === contentType)) throw unsupportedMedia(PATCH_TYPES);
  const patch = (await request.body()) ?? {};
  if (contentType === "application/apply-patch+yaml") return apply(cluster, request, patch, subresource);
  const options = writeOptions(request, subresource === undefined ? {} : { subresource });
  const { object } = cluster.registry.update(
    request.kind,
    placeIn(request),
    (current) => ({ object: patched(cluster, request, current, patch) }),
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
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
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
  if (store.get(kind, placeKey(place)) !== undefined) return ok(registry.update(kind, place, next, options).object);
  const version = textAt(body, "metadata", "resourceVersion");
  const uid = textAt(body, "metadata", "uid");
  if (version !== undefined || uid !== undefined) throw notFoundForPrecondition(kind, place);
  const made = registry.create(
    kind,
    place.namespace,
    { ...next(undefined), object: { ...body, metadata: { ...metadataOf(body), name: place.name } } },
    options,
  );
  return { status: 201, json: made.object };
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

const DeleteOptions = z.object({
  gracePeriodSeconds: z.number().int().min(0).optional(),
  propagationPolicy: z.enum(["Background", "Foreground", "Orphan"]).optional(),
  dryRun: z.array(z.string()).optional(),
  preconditions: z.object({ uid: z.string().optional(), resourceVersion: z.string().optional() }).optional(),
});
type DeleteOptions = z.infer<typeof DeleteOptions>;

/** From the body, or from the query where there is none. */
async function deleteOptions(request: ResourceRequest): Promise<DeleteOptions & { isDry: boolean }> {
  const query = request.url.searchParams;
  const grace = query.get("gracePeriodSeconds");
  const policy = query.get("propagationPolicy");
  const given = (await request.body()) ?? {};
  const fromQuery = {
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(policy !== null && { propagationPolicy: policy }),
  };
  const parsed = DeleteOptions.safeParse(
    isObject(given) && Object.keys(given).length > 0 ? { ...fromQuery, ...given } : fromQuery,
  );
  if (!parsed.success)
    throw badRequest(
      `DeleteOptions: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
    );
  const isDry = writeOptions(request).dryRun || (parsed.data.dryRun ?? []).includes("All");
  return { ...parsed.data, isDry };
}

export async function deleteObject(cluster: Cluster, request: ResourceRequest): Promise<ApiReply> {
  const { kind } = request;
  const place = placeIn(request);
  const options = await deleteOptions(request);
  const found = cluster.store.get(kind, placeKey(place));
  if (found === undefined) throw notFound(kind.plural, kind.group, place.name);
  checkPreconditions(kind, found, options);
  const left = end(cluster, kind, found, options);
  if (left !== undefined) return ok(left);
  const { plural, group } = kind;
  return ok({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name: place.name, ...(group !== "" && { group }), kind: plural, uid: found.metadata.uid },
  });
}

function checkPreconditions(kind: ResourceKind, { metadata }: KubeObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions ?? {};
  const subject = subjectOf(kind, metadata.name);
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(subject, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw conflict(
      subject,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    );
}

/** Removes an object, or marks it as leaving where something has to happen first. Returns what is left of it. */
function end(
  { store, now }: Cluster,
  kind: ResourceKind,
  found: KubeObject,
  options: DeleteOptions & { isDry: boolean },
): KubeObject | undefined {
  const finalizers = [...listAt(found, "metadata", "finalizers"), ...finalizersOf(kind, options)];
  const isOnNode =
    kind.kind === "Pod" &&
    textAt(found, "spec", "nodeName") !== undefined &&
    !["Succeeded", "Failed"].includes(textAt(found, "status", "phase") ?? "");
  const grace = options.gracePeriodSeconds ?? numberAt(found, "spec", "terminationGracePeriodSeconds") ?? 30;
  const isAtOnce = kind.kind === "Namespace" ? false : finalizers.length === 0 && (!isOnNode || grace === 0);
  const nowMs = now();
  if (isAtOnce) {
    if (!options.isDry)
      store.remove(
        kind,
        placeKey({ namespace: textAt(found, "metadata", "namespace"), name: found.metadata.name }),
        nowMs,
      );
    // A pod is shown as it was, all else is only said to be gone.
    return kind.kind === "Pod" ? found : undefined;
  }
  if (isLeaving(found) && !(isOnNode && grace < (numberAt(found, "metadata", "deletionGracePeriodSeconds") ?? 0)))
    return found;
  const seconds = isOnNode ? grace : 0;
  const leaving: KubeObject = {
    ...found,
    ...(kind.kind === "Namespace" && { status: { phase: "Terminating" } }),
    metadata: {
      ...found.metadata,
      ...(finalizers.length > 0 && { finalizers }),
      deletionTimestamp: isoSeconds(nowMs + seconds * 1_000),
      deletionGracePeriodSeconds: seconds,
    },
  };
  return options.isDry ? leaving : store.put(kind, leaving, nowMs);
}

function finalizersOf(kind: ResourceKind, { propagationPolicy }: DeleteOptions): string[] {
  if (kind.kind === "Namespace") return [];
  if (propagationPolicy === "Foreground") return ["foregroundDeletion"];
  return propagationPolicy === "Orphan" ? ["orphan"] : [];
}

/** Deletes all objects of a list. */
export async function deleteCollection(cluster: Cluster, request: ResourceRequest): Promise<ApiReply> {
  const options = await deleteOptions(request);
  const { kind } = request;
  const chosen = cluster.store.list(kind).filter(selectionOf(request));
  for (const object of chosen) end(cluster, kind, object, options);
  return ok({
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: { resourceVersion: String(cluster.store.version()) },
    items: chosen,
  });
}
