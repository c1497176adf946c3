import { KUBELET_VERSION } from "./node-objects.ts";
import type { ResourceKind } from "./resource-kind.ts";
import { RESOURCES } from "./resources.ts";

type ApiResource = {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
};

const AUTHORIZATION = "authorization.k8s.io";

/** What the API says about itself, by path; undefined for every other path. */
export function discoveryBody(pathname: string): unknown {
  if (pathname === "/version") return versionBody();
  if (pathname === "/api") return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
  if (pathname === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: groups().map(groupBody) };
  if (pathname === "/openapi/v3") return { paths: {} };
  if (pathname === "/api/v1") return resourceListBody("");
  const [, group, version] = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(pathname) ?? [];
  if (group === undefined || !groups().includes(group)) return undefined;
  if (version === undefined) return { ...groupBody(group), kind: "APIGroup", apiVersion: "v1" };
  return version === "v1" ? resourceListBody(group) : undefined;
}

function versionBody() {
  return {
    major: "1",
    minor: "32",
    gitVersion: KUBELET_VERSION,
    gitCommit: "simulated",
    gitTreeState: "simulated",
    buildDate: "2026-01-01T00:00:00Z",
    goVersion: "simulated",
    compiler: "simulated",
    platform: "linux/amd64",
  };
}

function groups(): string[] {
  return [...new Set(RESOURCES.map(({ group }) => group).filter((group) => group !== "")), AUTHORIZATION];
}

function groupBody(group: string) {
  const version = { groupVersion: `${group}/v1`, version: "v1" };
  return { name: group, versions: [version], preferredVersion: version };
}

function resourceListBody(group: string) {
  const groupVersion = group === "" ? "v1" : `${group}/v1`;
  const resources = RESOURCES.filter((resource) => resource.group === group).flatMap(resourceBodies);
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion,
    resources: group === AUTHORIZATION ? [accessReview()] : resources,
  };
}

function resourceBodies(resource: ResourceKind): ApiResource[] {
  const { plural, singular, namespaced, kind, shortNames, categories, writes } = resource;
  const body: ApiResource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: ["get", "list", ...writes],
    ...(shortNames.length > 0 && { shortNames: [...shortNames] }),
    ...(categories.length > 0 && { categories: [...categories] }),
  };
  if (plural === "pods") return [body, { name: "pods/log", singularName: "", namespaced, kind, verbs: ["get"] }];
  if (plural === "deployments")
    return [
      body,
      { name: "deployments/scale", singularName: "", namespaced, kind: "Scale", verbs: ["get", "patch", "update"] },
    ];
  return [body];
}

function accessReview(): ApiResource {
  return {
    name: "selfsubjectaccessreviews",
    singularName: "selfsubjectaccessreview",
    namespaced: false,
    kind: "SelfSubjectAccessReview",
    verbs: ["create"],
  };
}
