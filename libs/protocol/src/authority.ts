import { isForOthers, notForOthers } from "./acting-rights.ts";
import type { Action, Resource, ResourceOf } from "./actions.ts";
import type { Caller } from "./caller.ts";
import { ChatError } from "./chat-error.ts";
import { ofConversation } from "./conversation-rights.ts";
import { isListed, rolesOf, type RightsByRole, type RoleRights } from "./role-rights.ts";
import { allowed, forbidden, only, type Verdict } from "./verdict.ts";

export type May = <A extends Action>(caller: Caller, action: A, resource: ResourceOf<A>) => Verdict;

/**
 * The one answer to whether a caller may do something. What it decides depends on nothing but what it is given: first the scopes of the credential and
 * the roles, then whose the thing is; no role opens what is somebody else's.
 */
export function createMay(roles: RightsByRole): May {
  return (caller, action, resource) => {
    const own = rolesOf(caller, roles);
    const isGiven = own.some((role) => isListed(role.actions, action));
    if (caller.gateway !== undefined && !isForOthers(action)) return forbidden(notForOthers);
    if (!isGiven || (caller.scopes !== undefined && !isListed(caller.scopes, action))) return lacks(action);
    return ofThing(caller, own, { action, thing: resource });
  };
}

/** What the model reads as the result of a call that whoever asks may not run; whoever finds that out says the same. */
export function toolNotAllowed(tool: string): string {
  return `Not run: the person who asks is not allowed to use the tool ${tool}.`;
}

/** Throws what the verdict says, unless it allows. */
export function demand(verdict: Verdict): void {
  if (!verdict.allowed) throw new ChatError(verdict.code, { message: verdict.message });
}

interface Asked {
  readonly action: Action;
  readonly thing: Resource;
}

function ofThing(caller: Caller, own: readonly RoleRights[], { action, thing }: Asked): Verdict {
  switch (thing.kind) {
    case "conversation":
      return ofConversation(caller, action, thing);
    case "approval":
    case "handover":
      // To the letter: what was asked before its user had a tenant is no tenant's.
      return only(thing.tenant === caller.tenant, "This is of another tenant.");
    case "user":
      return only(thing.id === caller.user.id, "This is somebody else's.");
    case "file":
      return ofFile(caller, thing);
    case "agent":
    case "model":
    case "tool":
      return ofNamed(own, thing);
    case "gateway":
      return ofGateway(own, thing.roles);
    case "documents":
    case "service":
      return allowed;
  }
}

function ofFile(caller: Caller, { owner, tenant }: Extract<Resource, { kind: "file" }>): Verdict {
  // To the letter, as names of users are of one tenant.
  return only(owner === caller.user.id && tenant === caller.tenant, "This file is somebody else's.");
}

function ofNamed(own: readonly RoleRights[], thing: Extract<Resource, { readonly name: string }>): Verdict {
  const isGiven = own.some((role) => isListed(role[listOf[thing.kind]], thing.name));
  return only(isGiven, notAmong(thing));
}

function ofGateway(own: readonly RoleRights[], roles: readonly string[]): Verdict {
  const isGiven = roles.every((name) => own.some((role) => isListed(role.acts_as, name)));
  return only(isGiven, "A gateway gives its users only those roles that its own role lists.");
}

/** Where a role names things of a kind. */
const listOf = { agent: "agents", model: "models", tool: "tools" } as const;

function lacks(action: Action): Verdict {
  return forbidden(`This needs a right that you do not have: ${action}.`);
}

function notAmong({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `The ${kind} "${name}" is not among those that you may use.`;
}
