import { badRequest, expired, notFound } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import type { JsonObject } from "../json.ts";
import { keyOf, type KubeObject, labelsOf, namespaceOf } from "../kube-object.ts";
import { parseFieldSelector, parseLabelSelector } from "../selectors.ts";
import { apiVersionOf, placeKey, type ResourceKind } from "../store/resource-kind.ts";
import { readLimit, readToken, writeToken } from "./list-page.ts";
import type { ResourceRequest } from "./request.ts";
import { tableBody, wantsTable } from "./tables.ts";

/** Which objects a list or a watch is about. */
export function selectionOf({ kind, path, url }: ResourceRequest): (object: KubeObject) => boolean {
  const hasLabels = parseLabelSelector(url.searchParams.get("labelSelector") ?? "");
  const hasFields = parseFieldSelector(url.searchParams.get("fieldSelector") ?? "");
  return (object) =>
    (path.namespace === undefined || namespaceOf(object) === path.namespace) &&
    (path.name === undefined || object.metadata.name === path.name) &&
    hasLabels(labelsOf(object)) &&
    hasFields(kind.fields(object));
}

/** The body of a list: a Table when the client prefers one, else a `…List`. */
export function listBody({ store, now }: Cluster, request: ResourceRequest): JsonObject {
  const { kind, url, accept } = request;
  const query = url.searchParams;
  const token = readToken(query.get("continue"), now(), store.compacted());
  const version = token?.version ?? wantedVersion(query, store);
  const isSelected = selectionOf(request);
  const all = (version === undefined ? store.list(kind) : store.listAt(kind, version)).filter(isSelected);
  const rest = token === undefined ? all : all.filter((object) => keyOf(object) > token.after);
  const items = rest.slice(0, readLimit(query.get("limit")) ?? rest.length);
  const last = items.at(-1);
  const shown = version ?? store.version();
  const remaining = rest.length - items.length;
  const metadata: JsonObject = {
    resourceVersion: String(shown),
    ...(remaining > 0 &&
      last !== undefined && {
        continue: writeToken({ after: keyOf(last), version: shown, atMs: token?.atMs ?? now() }),
        remainingItemCount: remaining,
      }),
  };
  if (wantsTable(accept))
    return tableBody({ kind, nowMs: now(), includeObject: query.get("includeObject") }, items, metadata);
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata,
    items: items.map((object) => itemOf(kind, object)),
  };
}

/** As in the real API, the items of a list of a built-in kind do not repeat their kind. */
function itemOf({ definition }: ResourceKind, object: KubeObject): JsonObject {
  if (definition === undefined) return object;
  const { kind: _kind, apiVersion: _version, ...rest } = object;
  return rest;
}

/** The version that a client insists on; otherwise the newest is as good. */
function wantedVersion(query: URLSearchParams, store: Cluster["store"]): number | undefined {
  const text = query.get("resourceVersion") ?? "";
  if (text !== "" && !/^\d+$/.test(text))
    throw badRequest(`Invalid value: "${text.slice(0, 30)}": resourceVersion must be a number`);
  if (query.get("resourceVersionMatch") !== "Exact") return undefined;
  const version = Number(text);
  if (version < store.compacted()) throw expired(`The resourceVersion for the provided list is too old.`);
  return version;
}

export function findObject({ store }: Cluster, { kind, path }: ResourceRequest): KubeObject {
  const name = path.name ?? "";
  const found = store.get(kind, placeKey({ namespace: path.namespace, name }));
  if (found === undefined) throw notFound(kind.plural, kind.group, name);
  return found;
}

export function objectReply(cluster: Cluster, request: ResourceRequest): JsonObject {
  const object = findObject(cluster, request);
  const { kind, accept, url } = request;
  const { resourceVersion } = object.metadata;
  if (!wantsTable(accept)) return object;
  return tableBody({ kind, nowMs: cluster.now(), includeObject: url.searchParams.get("includeObject") }, [object], {
    resourceVersion,
  });
}
