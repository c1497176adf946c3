import { z } from "zod";
import { badRequest } from "../api-status.ts";
import { type JsonObject, parseJson } from "../json.ts";
import { isAllowed, rulesOf } from "./authorize.ts";
import type { Identity } from "./users.ts";

const ResourceAttributes = z.object({
  verb: z.string(),
  resource: z.string(),
  group: z.string().default(""),
  subresource: z.string().default(""),
  namespace: z.string().optional(),
  name: z.string().optional(),
});
const AccessReview = z.object({
  spec: z.union([
    z.object({ resourceAttributes: ResourceAttributes }),
    z.object({ nonResourceAttributes: z.object({ path: z.string(), verb: z.string() }) }),
  ]),
});

/** Answers "may I …?", which `kubectl auth can-i` and careful tools ask before they act. */
export function accessReview(identity: Identity, body: unknown): JsonObject {
  const parsed = AccessReview.safeParse(body);
  if (!parsed.success) throw badRequest("spec.resourceAttributes is missing or not valid");
  const { spec } = parsed.data;
  const allowed =
    "nonResourceAttributes" in spec
      ? ["/version", "/healthz", "/readyz", "/api", "/apis"].includes(spec.nonResourceAttributes.path)
      : isResourceAllowed(identity, spec.resourceAttributes);
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec: parseJson(JSON.stringify(spec)),
    status: { allowed, ...(allowed && { reason: `RBAC: allowed by the simulated role of "${identity.name}"` }) },
  };
}

function isResourceAllowed(
  identity: Identity,
  { verb, resource, group, subresource, namespace, name }: z.infer<typeof ResourceAttributes>,
): boolean {
  return isAllowed(identity, {
    verb,
    group,
    resource: subresource === "" ? resource : `${resource}/${subresource}`,
    namespace,
    name,
  });
}

const RulesReview = z.object({ spec: z.object({ namespace: z.string().min(1) }) });

/** All that somebody may do in a namespace: what `kubectl auth can-i --list` shows. */
export function rulesReview(identity: Identity, body: unknown): JsonObject {
  const parsed = RulesReview.safeParse(body);
  if (!parsed.success) throw badRequest("no namespace on request");
  const resourceRules = rulesOf(identity).map(({ apiGroups, resources, verbs }) => ({
    apiGroups: [...apiGroups],
    resources: [...resources],
    verbs: [...verbs],
  }));
  return {
    kind: "SelfSubjectRulesReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec: {},
    status: {
      resourceRules,
      nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/api", "/apis", "/healthz", "/readyz", "/version"] }],
      incomplete: false,
    },
  };
}

/** Who I am: what `kubectl auth whoami` asks. */
export function selfReview({ name, groups }: Identity): JsonObject {
  return {
    kind: "SelfSubjectReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {},
    status: { userInfo: { username: name, groups: [...groups] } },
  };
}
