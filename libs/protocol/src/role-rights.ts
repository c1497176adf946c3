import { z } from "zod";
import { actions } from "./actions.ts";
import type { Caller } from "./caller.ts";

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
      ...["conversation:*", "session:*", "connection:*", "documents:read", "usage:*"],
      ...["memory:*", "privacy:*", "notices:*", "file:*"],
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

export function rolesOf({ roles: names }: Caller, roles: RightsByRole): RoleRights[] {
  return [everybody, ...names].flatMap((name) => (Object.hasOwn(roles, name) ? (roles[name] ?? []) : []));
}

/** Whether a name is among these, or begins as one with a `*` behind it. */
export function isListed(patterns: readonly string[], name: string): boolean {
  return patterns.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : one === name));
}
