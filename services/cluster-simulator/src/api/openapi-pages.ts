import type { Cluster } from "../cluster.ts";
import type { JsonObject } from "../json.ts";
import { KUBERNETES_VERSION } from "../seed/settings.ts";
import { type ApiReply, ok } from "./request.ts";
import { apiVersionOf, type ResourceKind } from "../store/resource-kind.ts";

/** The OpenAPI documents of the kinds that are served: an index, and one for each group and version. */
export function openApiReply(cluster: Cluster, pathname: string): ApiReply | undefined {
  const body = openApiBody(cluster, pathname);
  return body === undefined ? undefined : ok(body);
}

function openApiBody({ kinds, schemas }: Cluster, pathname: string): JsonObject | undefined {
  const all = kinds.all();
  const pages = [...new Set(all.map(pageOf))];
  if (pathname === "/openapi/v3")
    return {
      paths: Object.fromEntries(
        pages.map((page) => [
          page,
          { serverRelativeURL: `/openapi/v3/${page}?hash=${KUBERNETES_VERSION}-${all.length}` },
        ]),
      ),
    };
  const page = /^\/openapi\/v3\/(.+)$/.exec(pathname)?.[1];
  if (page === undefined || !pages.includes(page)) return undefined;
  const own = all.filter((kind) => pageOf(kind) === page);
  const names = own.flatMap(({ definition }) => (definition === undefined ? [] : [definition]));
  const custom = own.filter(({ definition }) => definition === undefined);
  return {
    openapi: "3.0.0",
    info: { title: "Simulated Kubernetes", version: KUBERNETES_VERSION },
    paths: Object.fromEntries(own.flatMap(pathsOf)),
    components: {
      schemas: {
        ...schemas.needed(names),
        ...Object.fromEntries(
          custom.map((kind) => [
            `dev.parley.simulated.${kind.kind}`,
            { ...kind.schema, "x-kubernetes-group-version-kind": [gvkOf(kind)] },
          ]),
        ),
      },
    },
  };
}

function pageOf(kind: ResourceKind): string {
  return `${kind.group === "" ? "api" : "apis"}/${apiVersionOf(kind)}`;
}

function gvkOf({ group, version, kind }: ResourceKind): JsonObject {
  return { group, version, kind };
}

/** What clients read of a path: that it is there, of which kind it is, and which parameters a change takes. */
function pathsOf(kind: ResourceKind): [string, JsonObject][] {
  const base = kind.namespaced
    ? `/${pageOf(kind)}/namespaces/{namespace}/${kind.plural}`
    : `/${pageOf(kind)}/${kind.plural}`;
  const operation = (action: string, changes: boolean): JsonObject => ({
    operationId: `${action}${kind.kind}`,
    ...(changes && {
      parameters: ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
        name,
        in: "query",
        schema: { type: "string" },
      })),
    }),
    responses: { "200": { description: "OK" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvkOf(kind),
  });
  return [
    [base, { get: operation("list", false), post: operation("post", true) }],
    [
      `${base}/{name}`,
      {
        get: operation("get", false),
        put: operation("put", true),
        patch: operation("patch", true),
        delete: operation("delete", true),
      },
    ],
  ];
}
