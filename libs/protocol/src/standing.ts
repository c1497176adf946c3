import { isOfTenant } from "./acting-rights.ts";
import type { Caller } from "./caller.ts";
import type { MemberRole, People } from "./room.ts";

/** As what somebody stands among the people of a conversation; `none`: they have no part in it. */
export type StandingAmong = "owner" | MemberRole | "none";
type Stander = Pick<Caller, "user" | "tenant" | "roles">;

/**
 * As what a caller stands among the people of a conversation. A conversation that was made before its user had a tenant stays the user's; members are of its tenant to the letter, and
 * where their membership depends on a role, they have it. A role that only a newer version knows lets read.
 */
export function standingAmong({ owner, tenant, members }: People, caller: Stander): StandingAmong {
  if (owner.id === caller.user.id) return isOfTenant(caller, tenant) ? "owner" : "none";
  if (tenant !== caller.tenant) return "none";
  const member = members.find(({ id }) => id === caller.user.id);
  if (member === undefined) return "none";
  if (member.with_role !== undefined && !caller.roles.includes(member.with_role)) return "none";
  return member.role === "writer" ? "writer" : "reader";
}
