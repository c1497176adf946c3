import type { Caller } from "./caller.ts";

/** What a gateway may do on behalf of its users: what belongs to conversations. What else a user has is between them and the service. */
export function isForOthers(action: string): boolean {
  return action.startsWith("conversation:") || forOthers.has(action);
}

const forOthers: ReadonlySet<string> = new Set([
  ...(["agent:use", "model:use", "tool:run", "approval:decide", "handover:answer", "usage:read"] as const),
]);
export const notForOthers = "A gateway may not do this on behalf of a user.";

/** What was made before its user had a tenant stays theirs; a gateway of a tenant opens only what is of that tenant, to the letter: it names users itself. */
export function isOfTenant({ tenant: own, gateway }: Caller, tenant: string | undefined): boolean {
  return tenant === own || (tenant === undefined && gateway === undefined);
}
