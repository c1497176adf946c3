import type { IncomingHttpHeaders } from "node:http";
import { ApiStatus, badRequest } from "../api-status.ts";
import { type PolicyRule, ROLE_RULES, rolesOfGroups } from "./roles.ts";
import type { Identity } from "./users.ts";

/** What an action is about, in the words of RBAC. `subresource` is part of the resource there (`pods/log`). */
export type Action = {
  verb: string;
  group: string;
  resource: string;
  namespace: string | undefined;
  name: string | undefined;
};

/** What everybody may do. */
const EVERYBODY: readonly PolicyRule[] = [
  {
    apiGroups: ["authorization.k8s.io"],
    resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    verbs: ["create"],
  },
  { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
];

export function rulesOf({ roles }: Identity): PolicyRule[] {
  return [...EVERYBODY, ...roles.flatMap((role) => ROLE_RULES[role])];
}

export function isAllowed(identity: Identity, { verb, group, resource, name }: Action): boolean {
  const [plain = "", sub] = resource.split("/");
  return rulesOf(identity).some(
    (rule) =>
      rule.verbs.includes(verb) &&
      rule.apiGroups.includes(group) &&
      rule.resources.some(
        (entry) => entry === "*" || entry === resource || (sub !== undefined && entry === `${plain}/*`),
      ) &&
      (rule.resourceNames === undefined || (name !== undefined && rule.resourceNames.includes(name))),
  );
}

/** Throws a 403 in the words of the API server when the identity may not do it. */
export function authorize(identity: Identity, action: Action): void {
  if (isAllowed(identity, action)) return;
  const { verb, group, resource, namespace, name } = action;
  const scope = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
  const [plural = resource] = resource.split("/");
  const subject = [plural, group].filter(Boolean).join(".") + (name === undefined ? "" : ` "${name}"`);
  const message = `${subject} is forbidden: User "${identity.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`;
  throw new ApiStatus(403, "Forbidden", message, {
    ...(name !== undefined && { name }),
    ...(group !== "" && { group }),
    kind: plural,
  });
}

/** Whom a request acts as: the headers may name somebody else, whom the user has to be allowed to impersonate. */
export function impersonated(user: Identity, headers: IncomingHttpHeaders): Identity {
  const name = headerOf(headers, "impersonate-user")[0];
  const groups = headerOf(headers, "impersonate-group");
  if (name === undefined) {
    if (groups.length > 0) throw badRequest("requested groups without impersonating a user");
    return user;
  }
  authorize(user, { verb: "impersonate", group: "", resource: "users", namespace: undefined, name });
  for (const group of groups)
    authorize(user, { verb: "impersonate", group: "", resource: "groups", namespace: undefined, name: group });
  return { name, groups: [...groups, "system:authenticated"], roles: rolesOfGroups(name, groups) };
}

/** Node joins what a client sends several times by a comma, which no name of ours contains. */
function headerOf(headers: IncomingHttpHeaders, name: string): string[] {
  const value = headers[name];
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return values
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "");
}
