import type { Json, JsonObject } from "../json.ts";
import { KUBERNETES_VERSION } from "../seed/settings.ts";
import { type ApiReply, ok } from "./request.ts";
import type { ResourceKind, Subresource } from "../store/resource-kind.ts";

/** Kinds that are asked for and not kept. */
const VIRTUAL: Readonly<Record<string, readonly ApiResource[]>> = {
  "authorization.k8s.io/v1": [
    virtual("selfsubjectaccessreviews", "SelfSubjectAccessReview", { verbs: ["create"] }),
    virtual("selfsubjectrulesreviews", "SelfSubjectRulesReview", { verbs: ["create"] }),
  ],
  "authentication.k8s.io/v1": [virtual("selfsubjectreviews", "SelfSubjectReview", { verbs: ["create"] })],
  "metrics.k8s.io/v1beta1": [
    virtual("nodes", "NodeMetrics", { verbs: ["get", "list"] }),
    virtual("pods", "PodMetrics", { verbs: ["get", "list"], namespaced: true }),
  ],
};

type ApiResource = {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  group?: string;
  version?: string;
};

function virtual(
  name: string,
  kind: string,
  { verbs, namespaced = false }: { verbs: string[]; namespaced?: boolean },
): ApiResource {
  return { name, singularName: kind.toLowerCase(), namespaced, kind, verbs };
}

const AGGREGATED = "as=APIGroupDiscoveryList";
/** Clients look at the type of the answer to see whether they got what they preferred. */
const AGGREGATED_TYPE = `application/json;g=apidiscovery.k8s.io;v=v2;${AGGREGATED}`;

/** What the API says about itself, by path; undefined for every other path. */
export function discoveryReply(kinds: readonly ResourceKind[], pathname: string, accept: string): ApiReply | undefined {
  if (accept.includes(AGGREGATED) && accept.includes("v=v2;") && (pathname === "/api" || pathname === "/apis"))
    return { status: 200, json: aggregatedBody(kinds, pathname === "/api"), contentType: AGGREGATED_TYPE };
  const body = discoveryBody(kinds, pathname);
  return body === undefined ? undefined : ok(body);
}

function discoveryBody(kinds: readonly ResourceKind[], pathname: string): JsonObject | undefined {
  if (pathname === "/version") return versionBody();
  if (pathname === "/api") return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
  if (pathname === "/apis")
    return { kind: "APIGroupList", apiVersion: "v1", groups: groupsOf(kinds).map((group) => groupBody(kinds, group)) };
  if (pathname === "/api/v1") return resourceListBody(kinds, "v1");
  const [, group, version] = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(pathname) ?? [];
  if (group === undefined || !groupsOf(kinds).includes(group)) return undefined;
  if (version === undefined) return { ...groupBody(kinds, group), kind: "APIGroup", apiVersion: "v1" };
  return versionsOf(kinds, group).includes(version) ? resourceListBody(kinds, `${group}/${version}`) : undefined;
}

function versionBody(): JsonObject {
  return {
    major: "1",
    minor: "32",
    gitVersion: KUBERNETES_VERSION,
    gitCommit: "simulated",
    gitTreeState: "simulated",
    buildDate: "2026-01-01T00:00:00Z",
    goVersion: "simulated",
    compiler: "simulated",
    platform: "linux/amd64",
  };
}

function groupsOf(kinds: readonly ResourceKind[]): string[] {
  const own = kinds.map(({ group }) => group).filter((group) => group !== "");
  return [...new Set([...own, ...Object.keys(VIRTUAL).map((groupVersion) => groupVersion.split("/")[0] ?? "")])];
}

function versionsOf(kinds: readonly ResourceKind[], group: string): string[] {
  const own = kinds.filter((kind) => kind.group === group).map(({ version }) => version);
  const virtual = Object.keys(VIRTUAL).filter((groupVersion) => groupVersion.startsWith(`${group}/`));
  return [...new Set([...own, ...virtual.map((groupVersion) => groupVersion.split("/")[1] ?? "")])];
}

function groupBody(kinds: readonly ResourceKind[], group: string): JsonObject {
  const versions = versionsOf(kinds, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] ?? {} };
}

function resourcesOf(kinds: readonly ResourceKind[], groupVersion: string): ApiResource[] {
  const own = kinds.filter(({ group, version }) => (group === "" ? version : `${group}/${version}`) === groupVersion);
  return [...own.flatMap(resourceBodies), ...(VIRTUAL[groupVersion] ?? [])];
}

function resourceListBody(kinds: readonly ResourceKind[], groupVersion: string): JsonObject {
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: resourcesOf(kinds, groupVersion) };
}

const SUBRESOURCES: Readonly<Record<Subresource, { kind: string; verbs: string[]; group?: string; version?: string }>> =
  {
    status: { kind: "", verbs: ["get", "patch", "update"] },
    scale: { kind: "Scale", verbs: ["get", "patch", "update"], group: "autoscaling", version: "v1" },
    log: { kind: "", verbs: ["get"] },
    exec: { kind: "PodExecOptions", verbs: ["create", "get"] },
    eviction: { kind: "Eviction", verbs: ["create"], group: "policy", version: "v1" },
  };

function resourceBodies({
  plural,
  singular,
  namespaced,
  kind,
  shortNames,
  categories,
  verbs,
  subresources,
}: ResourceKind): ApiResource[] {
  const body: ApiResource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: [...verbs],
    ...(shortNames.length > 0 && { shortNames: [...shortNames] }),
    ...(categories.length > 0 && { categories: [...categories] }),
  };
  const below = subresources.map((name) => {
    const { kind: own, ...rest } = SUBRESOURCES[name];
    return { name: `${plural}/${name}`, singularName: "", namespaced, kind: own === "" ? kind : own, ...rest };
  });
  return [body, ...below];
}

/** Everything at once, as newer clients ask for it. */
function aggregatedBody(kinds: readonly ResourceKind[], isCore: boolean): JsonObject {
  const groups = isCore ? [""] : groupsOf(kinds);
  const items = groups.map((group) => ({
    metadata: { name: group, creationTimestamp: null },
    versions: versionsOf(kinds, group).map((version) => ({
      version,
      resources: aggregatedResources(
        resourcesOf(kinds, group === "" ? version : `${group}/${version}`),
        group,
        version,
      ),
      freshness: "Current",
    })),
  }));
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items };
}

function aggregatedResources(resources: readonly ApiResource[], group: string, version: string): Json[] {
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map(({ name, singularName, namespaced, kind, verbs, shortNames, categories }) => ({
      resource: name,
      responseKind: { group, version, kind },
      scope: namespaced ? "Namespaced" : "Cluster",
      singularResource: singularName,
      verbs,
      ...(shortNames !== undefined && { shortNames }),
      ...(categories !== undefined && { categories }),
      subresources: resources
        .filter((other) => other.name.startsWith(`${name}/`))
        .map((other) => ({
          subresource: other.name.split("/")[1] ?? "",
          responseKind: { group: other.group ?? group, version: other.version ?? version, kind: other.kind },
          verbs: other.verbs,
        })),
    }));
}
