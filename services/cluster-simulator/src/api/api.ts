import { type Action, authorize } from "../access/authorize.ts";
import { accessReview, rulesReview, selfReview } from "../access/reviews.ts";
import { methodNotAllowed, unknownPath } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { discoveryReply } from "./discovery.ts";
import { evict } from "./eviction.ts";
import { logReply } from "./log-request.ts";
import { metricsReply } from "./metrics.ts";
import { openApiReply } from "./openapi-pages.ts";
import { listBody, objectReply } from "./reads.ts";
import { type ApiReply, type ApiRequest, isTrue, ok, type ResourceRequest } from "./request.ts";
import { readResourcePath, type ResourcePath } from "./request-path.ts";
import { scaleReply } from "./scale.ts";
import { watchReply } from "./watch.ts";
import type { ResourceKind } from "../store/resource-kind.ts";
import { createObject, deleteCollection, deleteObject, patchObject, replaceObject } from "./writes.ts";

/** Answers an authenticated request; every refusal is thrown as an `ApiStatus`. */
export function createApi(cluster: Cluster) {
  return async (request: ApiRequest): Promise<ApiReply> => {
    cluster.settle();
    const pathname = request.url.pathname.replace(/(?<=.)\/$/, "");
    const described = discoveryReply(cluster.kinds.all(), pathname, request.accept) ?? openApiReply(cluster, pathname);
    if (described !== undefined) return request.method === "GET" ? described : refuse();
    const path = readResourcePath(request.url.pathname);
    if (path === undefined) throw unknownPath();
    authorize(request.identity, actionOf(request, path));
    const review = await reviewReply(request, path);
    if (review !== undefined) return review;
    if (path.group === "metrics.k8s.io")
      return request.method === "GET" ? metricsReply(cluster, request, path) : refuse();
    const kind = cluster.kinds.find(path.group, path.version, path.plural);
    if (kind === undefined || !isPlace(kind, path)) throw unknownPath();
    const resource = { ...request, kind, path };
    if (path.subresource !== undefined) return subresource(cluster, resource);
    return path.name === undefined ? collection(cluster, resource) : single(cluster, resource);
  };
}

/** Whether a path is one that the kind has: with a namespace or without. */
function isPlace({ namespaced }: ResourceKind, { namespace, name }: ResourcePath): boolean {
  return namespaced ? namespace !== undefined || name === undefined : namespace === undefined;
}

async function reviewReply(request: ApiRequest, { group, plural }: ResourcePath): Promise<ApiReply | undefined> {
  const reviews: Readonly<Record<string, (body: unknown) => ReturnType<typeof selfReview>>> = {
    "authorization.k8s.io/selfsubjectaccessreviews": (body) => accessReview(request.identity, body),
    "authorization.k8s.io/selfsubjectrulesreviews": (body) => rulesReview(request.identity, body),
    "authentication.k8s.io/selfsubjectreviews": () => selfReview(request.identity),
  };
  const review = reviews[`${group}/${plural}`];
  if (review === undefined) return undefined;
  return request.method === "POST" ? { status: 201, json: review(await request.body()) } : refuse();
}

async function collection(cluster: Cluster, request: ResourceRequest): Promise<ApiReply> {
  switch (request.method) {
    case "GET":
      return isTrue(request.url.searchParams.get("watch"))
        ? watchReply(cluster, request)
        : ok(listBody(cluster, request));
    case "POST":
      return createObject(cluster, request);
    case "DELETE":
      return deleteCollection(cluster, request);
    default:
      return refuse();
  }
}

async function single(cluster: Cluster, request: ResourceRequest): Promise<ApiReply> {
  switch (request.method) {
    case "GET":
      return isTrue(request.url.searchParams.get("watch"))
        ? watchReply(cluster, request)
        : ok(objectReply(cluster, request));
    case "PUT":
      return replaceObject(cluster, request);
    case "PATCH":
      return patchObject(cluster, request);
    case "DELETE":
      return deleteObject(cluster, request);
    default:
      return refuse();
  }
}

async function subresource(cluster: Cluster, request: ResourceRequest): Promise<ApiReply> {
  const { kind, path, method } = request;
  const name = kind.subresources.find((known) => known === path.subresource);
  switch (name) {
    case "log":
      return method === "GET" ? logReply(cluster, request) : refuse();
    case "scale":
      return ["GET", "PUT", "PATCH"].includes(method) ? scaleReply(cluster, request) : refuse();
    case "status":
      if (method === "GET") return ok(objectReply(cluster, request));
      if (method === "PUT") return replaceObject(cluster, request, "status");
      return method === "PATCH" ? patchObject(cluster, request, "status") : refuse();
    case "eviction":
      return method === "POST" ? evict(cluster, request) : refuse();
    default:
      // `exec` is an upgrade of the connection, which the server answers before it comes here.
      throw unknownPath();
  }
}

function refuse(): never {
  throw methodNotAllowed();
}

const VERBS: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

export function actionOf(
  { method, url }: Pick<ApiRequest, "method" | "url">,
  { group, plural, subresource: below, namespace, name }: ResourcePath,
): Action {
  const reading = isTrue(url.searchParams.get("watch")) ? "watch" : name === undefined ? "list" : "get";
  const verb = method === "DELETE" && name === undefined ? "deletecollection" : (VERBS[method] ?? reading);
  // The name of a namespace is also the namespace of whoever asks about it.
  const place = plural === "namespaces" && group === "" ? (name ?? namespace) : namespace;
  return { verb, group, resource: below === undefined ? plural : `${plural}/${below}`, namespace: place, name };
}
