import { notFound } from "./api-status.ts";
import type { ClusterView } from "./cluster.ts";
import type { Metadata } from "./kube-types.ts";
import { parseFieldSelector, parseLabelSelector } from "./selectors.ts";
import { pageOf } from "./list-page.ts";
import { keyOf, type ListedObject, type ResourceKind } from "./resource-kind.ts";

/** For how long a continue token is good; an API server compacts its history after this time. */
const TOKEN_LIFE_MS = 5 * 60_000;

export type ReadRequest = { kind: ResourceKind; namespace: string | undefined; query: URLSearchParams; accept: string };

/** The body of a list: a Table when the client prefers one (as `kubectl` does), else a `…List`. */
export function listBody(view: ClusterView, request: ReadRequest) {
  const { kind, query } = request;
  const versions = { current: view.resourceVersion, oldest: Number(view.resourceVersion) - TOKEN_LIFE_MS };
  const wanted = { limit: query.get("limit"), continueToken: query.get("continue") };
  const page = pageOf(selected(view, request), ({ object }) => keyOf(object), wanted, versions);
  const metadata = {
    resourceVersion: view.resourceVersion,
    ...(page.next !== undefined && { continue: page.next, remainingItemCount: page.remaining }),
  };
  if (wantsTable(request.accept)) return tableBody(request, page.items, metadata);
  // As in the real API, the items of a typed list do not repeat their kind.
  const items = page.items.map(({ object: { kind: _kind, apiVersion: _version, ...rest } }) => rest);
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items };
}

export function objectBody(view: ClusterView, request: ReadRequest, name: string) {
  const listed = findObject(view, request, name);
  const metadata = { resourceVersion: listed.object.metadata.resourceVersion };
  return wantsTable(request.accept) ? tableBody(request, [listed], metadata) : listed.object;
}

function findObject(view: ClusterView, { kind, namespace }: ReadRequest, name: string): ListedObject {
  const found = kind
    .list(view)
    .find(({ object: { metadata } }) => metadata.name === name && metadata.namespace === namespace);
  if (found === undefined) throw notFound(kind.plural, kind.group, name);
  return found;
}

function selected(view: ClusterView, { kind, namespace, query }: ReadRequest): ListedObject[] {
  const hasLabels = parseLabelSelector(query.get("labelSelector") ?? "");
  const hasFields = parseFieldSelector(query.get("fieldSelector") ?? "");
  return kind
    .list(view)
    .filter(({ object }) => namespace === undefined || object.metadata.namespace === namespace)
    .filter(({ object, fields }) => hasLabels(object.metadata.labels ?? {}) && hasFields(fields));
}

function wantsTable(accept: string): boolean {
  const first = accept.split(",")[0] ?? "";
  return first.includes("as=Table") && first.includes("g=meta.k8s.io");
}

type ListMetadata = { resourceVersion: string };

function tableBody({ kind, query }: ReadRequest, listed: readonly ListedObject[], metadata: ListMetadata) {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: kind.columns.map(({ name, wide }) => ({
      name,
      type: "string",
      format: name === "Name" ? "name" : "",
      description: "",
      priority: wide === true ? 1 : 0,
    })),
    rows: listed.map((item) => ({ cells: item.cells(), ...rowObject(item, query.get("includeObject")) })),
  };
}

type RowObject = { object?: ListedObject["object"] | { kind: string; apiVersion: string; metadata: Metadata } };

function rowObject({ object }: ListedObject, included: string | null): RowObject {
  if (included === "None") return {};
  if (included === "Object") return { object };
  return { object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata } };
}

function apiVersionOf({ group, version }: ResourceKind): string {
  return group === "" ? version : `${group}/${version}`;
}
