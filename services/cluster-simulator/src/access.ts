import { randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { ApiStatus, badRequest } from "./api-status.ts";

export type Role = "reader" | "operator";
export type User = { name: string; role: Role; token: string };

/** What an action is about, in the words of RBAC. `subresource` is part of the resource there (`pods/log`). */
export type Action = {
  verb: string;
  group: string;
  resource: string;
  namespace: string | undefined;
  name: string | undefined;
};

/** Two identities, as a deployment should have: one that cannot change anything and one for approved changes. */
export function createUsers(): User[] {
  const newToken = (role: Role) => `simulated-${role}-${randomBytes(18).toString("base64url")}`;
  return (["reader", "operator"] as const).map((role) => ({ name: `simulated-${role}`, role, token: newToken(role) }));
}

/** Throws a 401 unless the header carries the token of a user. */
export function authenticate(users: readonly User[], authorization: string | undefined): User {
  const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const user = users.find(({ token }) => sameText(token, given));
  if (user === undefined) throw new ApiStatus(401, "Unauthorized", "Unauthorized");
  return user;
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const READ_VERBS = new Set(["get", "list"]);
const OPERATOR_WRITES = new Set([
  "delete pods",
  "patch deployments",
  "patch deployments/scale",
  "update deployments/scale",
]);

function isAllowed(role: Role, { verb, resource }: Action): boolean {
  if (verb === "create" && resource === "selfsubjectaccessreviews") return true;
  if (READ_VERBS.has(verb)) return role === "operator" || resource !== "secrets";
  return role === "operator" && OPERATOR_WRITES.has(`${verb} ${resource}`);
}

/** Throws a 403 in the words of the API server when the user may not do it. */
export function authorize(user: User, action: Action): void {
  if (isAllowed(user.role, action)) return;
  const { verb, group, resource, namespace, name } = action;
  const scope = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
  const [plural = resource] = resource.split("/");
  const subject = [plural, group].filter(Boolean).join(".") + (name === undefined ? "" : ` "${name}"`);
  const message = `${subject} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`;
  throw new ApiStatus(403, "Forbidden", message, { ...(name !== undefined && { name }), kind: plural });
}

const AccessReview = z.object({
  spec: z.object({
    resourceAttributes: z.object({
      verb: z.string(),
      resource: z.string(),
      group: z.string().default(""),
      subresource: z.string().default(""),
      namespace: z.string().optional(),
      name: z.string().optional(),
    }),
  }),
});

/** Answers "may I …?", which `kubectl auth can-i` and careful tools ask before they act. */
export function accessReviewBody(user: User, body: unknown) {
  const parsed = AccessReview.safeParse(body);
  if (!parsed.success) throw badRequest("spec.resourceAttributes is missing or not valid");
  const { spec } = parsed.data;
  const { verb, group, resource, subresource, namespace, name } = spec.resourceAttributes;
  const action = {
    verb,
    group,
    resource: subresource === "" ? resource : `${resource}/${subresource}`,
    namespace,
    name,
  };
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec,
    status: { allowed: isAllowed(user.role, action), reason: `the simulated role of ${user.name}` },
  };
}
