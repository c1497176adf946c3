import { accessReviewBody, type Action, authorize, type User } from "./access.ts";
import { badRequest, methodNotAllowed, notFound, unknownPath } from "./api-status.ts";
import type { Cluster } from "./cluster.ts";
import { discoveryBody } from "./discovery.ts";
import { logBody } from "./log-request.ts";
import { listBody, objectBody } from "./reads.ts";
import { readResourcePath, type ResourcePath } from "./request-path.ts";
import { findResource } from "./resources.ts";
import { createWrites } from "./writes.ts";

export type ApiRequest = {
  method: string;
  url: URL;
  accept: string;
  contentType: string;
  user: User;
  /** Reads the JSON body; only called when the request needs one. */
  body: () => Promise<unknown>;
};

/** A body to send as JSON, or a text to send as it is. */
export type ApiReply = { status: number; json: unknown } | { status: number; text: string };

const MERGE_PATCHES = ["application/merge-patch+json", "application/strategic-merge-patch+json", "application/json"];

/** Answers an authenticated request; every refusal is thrown as an `ApiStatus`. */
export function createApi(cluster: Cluster) {
  const writes = createWrites(cluster);

  return async (request: ApiRequest): Promise<ApiReply> => {
    const discovery = discoveryBody(request.url.pathname.replace(/(?<=.)\/$/, ""));
    if (discovery !== undefined) return request.method === "GET" ? ok(discovery) : refuse();
    const path = readResourcePath(request.url.pathname);
    if (path === undefined) throw unknownPath();
    if (path.plural === "selfsubjectaccessreviews" && path.group === "authorization.k8s.io") {
      return request.method === "POST"
        ? { status: 201, json: accessReviewBody(request.user, await request.body()) }
        : refuse();
    }
    authorize(request.user, actionOf(request.method, path));
    if (path.subresource !== undefined) return subresource(request, path);
    return request.method === "GET" ? read(request, path) : write(request, path);
  };

  function read({ url, accept }: ApiRequest, path: ResourcePath): ApiReply {
    const kind = findResource(path.group, path.version, path.plural);
    if (kind === undefined) throw unknownPath();
    const query = url.searchParams;
    if (isTrue(query.get("watch"))) throw badRequest("the simulated cluster does not watch; list again instead");
    const request = { kind, namespace: path.namespace, query, accept };
    if (path.name === undefined) return ok(listBody(cluster.view(), request));
    if (kind.namespaced && path.namespace === undefined) throw unknownPath();
    return ok(objectBody(cluster.view(), request, path.name));
  }

  async function subresource(request: ApiRequest, path: ResourcePath): Promise<ApiReply> {
    const { method, url } = request;
    const target = targetOf(path);
    const what = `${path.plural}/${path.subresource ?? ""}`;
    if (what === "pods/log")
      return method === "GET"
        ? { status: 200, text: logBody(cluster.view(), target.namespace, target.name, url.searchParams) }
        : refuse();
    if (what !== "deployments/scale") throw unknownPath();
    if (method === "GET") return ok(writes.scaleOf(target));
    if (method !== "PUT" && method !== "PATCH") return refuse();
    return ok(writes.scale(target, await request.body(), options(request)));
  }

  async function write(request: ApiRequest, path: ResourcePath): Promise<ApiReply> {
    if (path.name === undefined) return refuse();
    if (request.method === "DELETE" && path.plural === "pods")
      return ok(writes.deletePod(targetOf(path), options(request)));
    if (request.method !== "PATCH" || path.plural !== "deployments") return refuse();
    if (!MERGE_PATCHES.includes(request.contentType))
      throw badRequest("the simulated cluster applies merge patches only");
    return ok(writes.patchDeployment(targetOf(path), await request.body(), options(request)));
  }
}

function ok(json: unknown): ApiReply {
  return { status: 200, json };
}

function refuse(): never {
  throw methodNotAllowed();
}

function isTrue(value: string | null): boolean {
  return value === "true" || value === "1";
}

function options({ url }: ApiRequest): { dryRun: boolean } {
  return { dryRun: url.searchParams.getAll("dryRun").includes("All") };
}

function targetOf({ namespace, name, plural, group }: ResourcePath): { namespace: string; name: string } {
  if (namespace === undefined || name === undefined) throw notFound(plural, group, name ?? "");
  return { namespace, name };
}

const VERBS: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

function actionOf(method: string, { group, plural, subresource, namespace, name }: ResourcePath): Action {
  const verb = VERBS[method] ?? (name === undefined ? "list" : "get");
  return { verb, group, resource: subresource === undefined ? plural : `${plural}/${subresource}`, namespace, name };
}
