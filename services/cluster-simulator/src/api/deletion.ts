import { z } from "zod";
import { badRequest, conflict, notFound } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { isoSeconds, SECOND_MS } from "../durations.ts";
import { isObject, type Json, listAt, numberAt, textAt } from "../json.ts";
import { isLeaving, keyOf, type KubeObject } from "../kube-object.ts";
import { apiVersionOf, placeKey, type ResourceKind } from "../store/resource-kind.ts";
import { selectionOf } from "./reads.ts";
import { type ApiReply, ok, type ResourceRequest, writeOptions } from "./request.ts";

const DeleteOptions = z.object({
  gracePeriodSeconds: z.number().int().min(0).optional(),
  propagationPolicy: z.enum(["Background", "Foreground", "Orphan"]).optional(),
  dryRun: z.array(z.string()).optional(),
  preconditions: z.object({ uid: z.string().optional(), resourceVersion: z.string().optional() }).optional(),
});
type DeleteOptions = z.infer<typeof DeleteOptions>;
type Deletion = DeleteOptions & { isDry: boolean };

/** From the body, or from the query where there is none. */
async function deleteOptions(request: ResourceRequest): Promise<Deletion> {
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
  const place = { namespace: request.path.namespace, name: request.path.name ?? "" };
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
  const { name } = metadata;
  // As the API server has it, this refusal names the kind and not the resource.
  const subject = { plural: kind.kind, group: kind.group, name };
  const again = "The object might have been deleted and then recreated";
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(
      subject,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). ${again}`,
    );
  if (resourceVersion === undefined || resourceVersion === metadata.resourceVersion) return;
  const found = `does not match the ResourceVersion in record (${metadata.resourceVersion})`;
  throw conflict(
    subject,
    `the ResourceVersion in the precondition (${resourceVersion}) ${found}. The object might have been modified`,
  );
}

/** Removes an object, or marks it as leaving where something has to happen first. Returns what is left of it. */
function end(
  { store, now }: Cluster,
  kind: ResourceKind,
  found: KubeObject,
  options: Deletion,
): KubeObject | undefined {
  const finalizers = [...listAt(found, "metadata", "finalizers"), ...finalizersOf(kind, options)];
  const grace = graceOf(kind, found, options);
  if (kind.kind !== "Namespace" && finalizers.length === 0 && grace === 0) {
    if (!options.isDry) store.remove(kind, keyOf(found), now());
    // A pod is shown as it was, all else is only said to be gone.
    return kind.kind === "Pod" ? found : undefined;
  }
  const isSooner = isOnNode(kind, found) && grace < (numberAt(found, "metadata", "deletionGracePeriodSeconds") ?? 0);
  if (isLeaving(found) && !isSooner) return found;
  const leaving = leavingObject(found, { grace, finalizers, nowMs: now() });
  return options.isDry ? leaving : store.put(kind, leaving, now());
}

type Leave = { grace: number; finalizers: readonly Json[]; nowMs: number };

function leavingObject(found: KubeObject, { grace, finalizers, nowMs }: Leave): KubeObject {
  return {
    ...found,
    ...(found.kind === "Namespace" && { status: { phase: "Terminating" } }),
    metadata: {
      ...found.metadata,
      ...(finalizers.length > 0 && { finalizers: [...finalizers] }),
      deletionTimestamp: isoSeconds(nowMs + grace * SECOND_MS),
      deletionGracePeriodSeconds: grace,
    },
  };
}

function graceOf(kind: ResourceKind, found: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  if (!isOnNode(kind, found)) return 0;
  return gracePeriodSeconds ?? numberAt(found, "spec", "terminationGracePeriodSeconds") ?? 30;
}

/** A pod whose programs have to be stopped first. */
function isOnNode({ kind }: ResourceKind, found: KubeObject): boolean {
  const isOver = ["Succeeded", "Failed"].includes(textAt(found, "status", "phase") ?? "");
  return kind === "Pod" && textAt(found, "spec", "nodeName") !== undefined && !isOver;
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
