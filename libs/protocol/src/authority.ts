import { z } from "zod";
import { isForOthers, isOfTenant, notForOthers } from "./acting-rights.ts";
import type { Caller } from "./caller.ts";
import { ChatError, type ErrorCode } from "./chat-error.ts";
import type { MemberRole, People } from "./room.ts";

/** What a caller may ask for, and the kind of thing it asks it of. */
export const actions = {
  "conversation:read": "conversation",
  "conversation:send": "conversation",
  "conversation:cancel": "conversation",
  "conversation:queue": "conversation",
  "conversation:title": "conversation",
  "conversation:feedback": "conversation",
  "conversation:decide": "conversation",
  "conversation:delete": "conversation",
  "conversation:react": "conversation",
  "conversation:pin": "conversation",
  "conversation:leave": "conversation",
  "conversation:people": "conversation",
  "conversation:list": "user",
  "session:list": "user",
  "session:end": "user",
  "connection:list": "user",
  "connection:change": "user",
  "memory:read": "user",
  "memory:change": "user",
  "notices:read": "user",
  "notices:change": "user",
  "usage:read": "user",
  ...({ "privacy:export": "user", "privacy:erase": "user" } as const),
  "file:read": "file",
  "file:write": "file",
  "agent:use": "agent",
  "model:use": "model",
  "tool:run": "tool",
  "approval:decide": "approval",
  "documents:read": "documents",
  "documents:write": "documents",
  "handover:answer": "handover",
  "gateway:act": "gateway",
  "service:read": "service",
  "service:audit": "service",
  "service:feedback": "service",
  "service:usage": "service",
  "service:block": "service",
  "service:revoke": "service",
  "service:drain": "service",
  ...({ "service:hold": "service", "service:erase": "service", "service:export": "service" } as const),
} as const;
export type Action = keyof typeof actions;

/** What something is asked of. */
export type Resource =
  /** `owner` undefined: it is nobody's yet. `tenant`: of whose it was made. */
  | {
      readonly kind: "conversation";
      readonly owner: string | undefined;
      readonly tenant: string | undefined;
      /** As what the caller stands in it, where it has people: see `standingAmong`. Absent: it has only its owner. */
      readonly standing?: StandingAmong;
      /** Whose turn or message it is about. Absent: none of a known author, so the caller must ask again when it is known. */
      readonly author?: string | undefined;
    }
  /** What a call of somebody else's turn waits for. `tenant`: of whose it is. */
  | { readonly kind: "approval"; readonly tenant: string | undefined }
  /** A conversation that waits for a person, or has one. `tenant`: of whose it is. */
  | { readonly kind: "handover"; readonly tenant: string | undefined }
  /** What a user has beside conversations. */
  | { readonly kind: "user"; readonly id: string }
  | { readonly kind: "agent" | "model" | "tool"; readonly name: string }
  /** A file that no conversation has yet. `owner`: who brought it. */
  | { readonly kind: "file"; readonly owner: string; readonly tenant: string | undefined }
  /** The documents of the caller's own tenant: no others can be named. */
  | { readonly kind: "documents" }
  /** Users of the caller's own tenant and issuer, who are given these roles. */
  | { readonly kind: "gateway"; readonly roles: readonly string[] }
  /** The deployment itself. */
  | { readonly kind: "service" };

type KindOf<A extends Action> = (typeof actions)[A];
export type ResourceOf<A extends Action> =
  KindOf<A> extends "agent" | "model" | "tool"
    ? { readonly kind: KindOf<A>; readonly name: string }
    : Extract<Resource, { readonly kind: KindOf<A> }>;

export type Verdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: ErrorCode; readonly message: string };

const maxPatterns = 500;
const pattern = /^(?:\*|[A-Za-z0-9_.:/@-]{1,128}\*?)$/;
const Pattern = z.string().regex(pattern, "must be a name, or the beginning of names with a `*` behind it");
const Patterns = z.array(Pattern).max(maxPatterns).default([]);

function isKnownAction(one: string): boolean {
  return Object.keys(actions).some((action) => isListed([one], action));
}

/** What is none would give nothing, and nobody would be told why. */
export const ActionPattern = z.string().refine(isKnownAction, {
  error: `must be an action, or the beginning of actions with a \`*\` behind it: ${Object.keys(actions).join(", ")}`,
});

/** What a role gives: names, or beginnings of names with `*` behind them. What is in no list is not given. */
export const RoleRights = z.strictObject({
  actions: z.array(ActionPattern).max(maxPatterns).default([]),
  agents: Patterns,
  models: Patterns,
  tools: Patterns,
  /** Roles that users have on whose behalf it asks (`gateway:act`), where it says so. */
  acts_as: Patterns,
});
export type RoleRights = z.infer<typeof RoleRights>;

/** The role that everybody has beside their own. */
export const everybody = "everybody";

/** What holds where the operator says nothing: everybody may do all but touch the service itself. */
const standardRoles: Readonly<Record<string, RoleRights>> = {
  [everybody]: {
    actions: [
      ...["conversation:*", "session:*", "connection:*", "documents:read", "usage:*", "memory:*", "notices:*"],
      ...["privacy:*", "file:*"],
      ...["agent:use", "model:use", "tool:run"],
    ],
    agents: ["*"],
    models: ["*"],
    tools: ["*"],
    acts_as: [],
  },
  operator: {
    actions: ["service:*", "documents:*", "handover:answer"],
    agents: [],
    models: [],
    tools: [],
    acts_as: [],
  },
  librarian: { actions: ["documents:*"], agents: [], models: [], tools: [], acts_as: [] },
  gateway: { actions: ["gateway:act"], agents: [], models: [], tools: [], acts_as: [] },
  approver: { actions: ["approval:decide"], agents: [], models: [], tools: [], acts_as: [] },
};

const roleName = /^[A-Za-z0-9][\w.:@/-]{0,63}$/;

export const RightsByRole = z
  .record(
    z.string().regex(roleName, "must be 1 to 64 letters, digits or . _ : @ / -, a letter or digit first"),
    RoleRights,
  )
  .default({})
  .transform((roles): Readonly<Record<string, RoleRights>> => ({ ...standardRoles, ...roles }));
export type RightsByRole = z.infer<typeof RightsByRole>;

export type May = <A extends Action>(caller: Caller, action: A, resource: ResourceOf<A>) => Verdict;

const allowed: Verdict = { allowed: true };

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
      // To the letter, as names of users are of one tenant.
      return only(thing.owner === caller.user.id && thing.tenant === caller.tenant, "This file is somebody else's.");
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

function ofConversation(caller: Caller, action: Action, thing: Extract<Resource, { kind: "conversation" }>): Verdict {
  if (thing.standing !== undefined) return ofStanding(caller, action, { ...thing, standing: thing.standing });
  return only(
    thing.owner === undefined || (thing.owner === caller.user.id && isOfTenant(caller, thing.tenant)),
    othersConversation,
  );
}

function ofNamed(own: readonly RoleRights[], thing: Extract<Resource, { readonly name: string }>): Verdict {
  const isGiven = own.some((role) => isListed(role[listOf[thing.kind]], thing.name));
  return only(isGiven, notAmong(thing));
}

function ofGateway(own: readonly RoleRights[], roles: readonly string[]): Verdict {
  const isGiven = roles.every((name) => own.some((role) => isListed(role.acts_as, name)));
  return only(isGiven, "A gateway gives its users only those roles that its own role lists.");
}

function only(isAllowed: boolean, otherwise: string): Verdict {
  return isAllowed ? allowed : forbidden(otherwise);
}

/** Where a role names things of a kind. */
const listOf = { agent: "agents", model: "models", tool: "tools" } as const;

const othersConversation = "This conversation belongs to somebody else.";

const readerActions: ReadonlySet<Action> = new Set([
  "conversation:read",
  "conversation:feedback",
  "conversation:leave",
] as const);
const writerActions: ReadonlySet<Action> = new Set([
  ...readerActions,
  ...(["conversation:send", "conversation:react", "conversation:pin"] as const),
]);
/** A writer does these with turns and messages of their own. */
const ownActions: ReadonlySet<Action> = new Set([
  "conversation:cancel",
  "conversation:queue",
  "conversation:decide",
] as const);

type Peopled = Extract<Resource, { kind: "conversation" }> & { readonly standing: StandingAmong };

function ofStanding(caller: Caller, action: Action, { standing, author }: Peopled): Verdict {
  switch (standing) {
    case "owner":
      return allowed;
    case "writer":
      if (ownActions.has(action)) return only(author === undefined || author === caller.user.id, othersTurn);
      return only(writerActions.has(action), onlyOwner);
    case "reader":
      return only(readerActions.has(action), "You may read this conversation, and no more.");
    case "none":
      return forbidden(othersConversation);
  }
}

const onlyOwner = "Only the owner of this conversation may do that.";
const othersTurn = "This is somebody else's message: only they and the owner of the conversation may do that.";

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

function rolesOf({ roles: names }: Caller, roles: RightsByRole): RoleRights[] {
  return [everybody, ...names].flatMap((name) => (Object.hasOwn(roles, name) ? (roles[name] ?? []) : []));
}

function isListed(patterns: readonly string[], name: string): boolean {
  return patterns.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : one === name));
}

function lacks(action: Action): Verdict {
  return forbidden(`This needs a right that you do not have: ${action}.`);
}

function notAmong({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `The ${kind} "${name}" is not among those that you may use.`;
}

function forbidden(message: string): Verdict {
  return { allowed: false, code: "FORBIDDEN", message };
}
