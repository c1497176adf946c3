import { type Case, configMap, CORE, type Step } from "../case.ts";

const REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

function mayI(who: "reader" | "operator", attributes: Record<string, string>, allowed: boolean): Step {
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { namespace: "{ns}", ...attributes } },
  };
  return {
    as: who,
    method: "POST",
    path: REVIEWS,
    body,
    status: 201,
    has: { kind: "SelfSubjectAccessReview", status: { allowed } },
  };
}

export const accessCases: readonly Case[] = [
  {
    name: "a token that nobody gave out is Unauthorized",
    steps: [
      {
        as: "nobody",
        path: "/api/v1/pods",
        status: 401,
        has: { kind: "Status", reason: "Unauthorized", code: 401, message: "Unauthorized" },
      },
    ],
  },
  {
    name: "the reader sees no Secret",
    steps: [
      {
        path: `${CORE}/secrets`,
        status: 403,
        has: {
          reason: "Forbidden",
          code: 403,
          message:
            '~^secrets is forbidden: User ".*reader" cannot list resource "secrets" in API group "" in the namespace "{ns}"',
          details: { kind: "secrets" },
        },
      },
    ],
  },
  {
    name: "a single Secret is refused by its name",
    steps: [
      {
        path: `${CORE}/secrets/{name}`,
        status: 403,
        has: {
          message: '~^secrets "{name}" is forbidden: User ".*reader" cannot get resource "secrets"',
          details: { name: "{name}", kind: "secrets" },
        },
      },
    ],
  },
  {
    name: "the reader changes nothing",
    steps: [
      {
        method: "POST",
        path: `${CORE}/configmaps`,
        body: configMap({}),
        status: 403,
        has: { message: '~cannot create resource "configmaps"' },
      },
    ],
  },
  {
    name: "the reader scales nothing",
    steps: [
      {
        method: "PATCH",
        path: "/apis/apps/v1/namespaces/{ns}/deployments/{name}/scale",
        body: { spec: { replicas: 0 } },
        status: 403,
        has: { message: '~cannot patch resource "deployments/scale" in API group "apps"' },
      },
    ],
  },
  {
    name: "rights come before existence",
    steps: [
      {
        as: "operator",
        method: "DELETE",
        path: "/api/v1/nodes/{name}",
        status: 403,
        has: { message: '~^nodes "{name}" is forbidden.*at the cluster scope' },
      },
    ],
  },
  {
    name: "a dry run needs the right, too",
    steps: [{ method: "POST", path: `${CORE}/configmaps?dryRun=All`, body: configMap({}), status: 403 }],
  },
  {
    name: "the reader may read pods and no Secrets",
    steps: [
      mayI("reader", { verb: "list", resource: "pods" }, true),
      mayI("reader", { verb: "get", resource: "pods", subresource: "log" }, true),
      mayI("reader", { verb: "get", resource: "secrets" }, false),
      mayI("reader", { verb: "delete", resource: "pods" }, false),
    ],
  },
  {
    name: "the operator may change deployments and no nodes' existence",
    steps: [
      mayI("operator", { verb: "patch", group: "apps", resource: "deployments" }, true),
      mayI("operator", { verb: "patch", group: "apps", resource: "deployments", subresource: "scale" }, true),
      mayI("operator", { verb: "delete", resource: "nodes" }, false),
    ],
  },
  {
    name: "a kind without its group is another kind",
    steps: [mayI("operator", { verb: "patch", resource: "deployments" }, false)],
  },
  {
    name: "the reader opens no shell",
    steps: [mayI("reader", { verb: "create", resource: "pods", subresource: "exec" }, false)],
  },
  {
    name: "all rights of a namespace can be asked for",
    steps: [
      {
        method: "POST",
        path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace: "{ns}" } },
        status: 201,
        has: { kind: "SelfSubjectRulesReview", status: { incomplete: false } },
      },
    ],
  },
  {
    name: "a review without anything to review is refused",
    steps: [
      {
        method: "POST",
        path: REVIEWS,
        body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: {} },
        status: 422,
      },
    ],
  },
  {
    name: "whoever may not impersonate is refused",
    steps: [
      {
        path: `${CORE}/pods`,
        headers: { "impersonate-user": "parley:anna" },
        status: 403,
        has: { message: '~^users "parley:anna" is forbidden: User ".*reader" cannot impersonate resource "users"' },
      },
    ],
  },
  {
    name: "whoever is impersonated has his own rights, not those of the one who does it",
    steps: [
      {
        as: "operator",
        path: `${CORE}/secrets`,
        headers: { "impersonate-user": "someone" },
        status: 403,
        has: { message: '~User "someone" cannot list resource "secrets"' },
      },
    ],
  },
  {
    name: "groups cannot be impersonated without a user",
    steps: [
      {
        as: "operator",
        path: `${CORE}/pods`,
        headers: { "impersonate-group": "parley:operator" },
        status: 400,
        has: { reason: "BadRequest", message: "~without impersonating a user" },
      },
    ],
  },
];
