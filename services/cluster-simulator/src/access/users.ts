import { randomBytes, timingSafeEqual } from "node:crypto";
import { ApiStatus } from "../api-status.ts";
import type { Role } from "./roles.ts";

/** Somebody whose token the cluster knows. */
export type User = { name: string; role: Role; token: string };

/** Whoever a request acts as: a user, or somebody whom that user impersonates. */
export type Identity = { name: string; groups: readonly string[]; roles: readonly Role[] };

/** Two identities, as a deployment should have: one that cannot change anything and one for approved changes. */
export function createUsers(): User[] {
  const newToken = (role: Role) => `simulated-${role}-${randomBytes(18).toString("base64url")}`;
  return (["reader", "operator"] as const).map((role) => ({ name: `simulated-${role}`, role, token: newToken(role) }));
}

/** Throws a 401 unless the header carries the token of a user. */
export function authenticate(users: readonly User[], authorization: string | undefined): Identity {
  const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const user = users.find(({ token }) => sameText(token, given));
  if (user === undefined) throw new ApiStatus(401, "Unauthorized", "Unauthorized");
  return { name: user.name, groups: ["system:authenticated"], roles: [user.role] };
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
