import { z } from "zod";
import { Match, matchFields, Patterns } from "./match.ts";

/** `config/tool-policy.yaml` says the same to people. */

const mostRules = 500;
const mostLikeMinutes = 240;

const Reason = z.string().trim().min(1).max(300).describe("For people and the model: one sentence.");

const Rule = z.strictObject({
  ...matchFields,
  verdict: z.enum(["allow", "approve", "confirm", "deny"]),
  reason: Reason.optional(),
});
export type Rule = z.infer<typeof Rule>;

const systemNamespaces = ["kube-system", "kube-public", "kube-node-lease"];
/** Whoever deletes one of these takes away what is in it, what runs on it, or who may do what. */
const neverDeleted = [
  ...["Namespace", "Node", "PersistentVolume", "CustomResourceDefinition"],
  ...["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
];

const Protected = z.strictObject({
  namespaces: Patterns.or(z.array(z.never())).default(systemNamespaces),
  names: Patterns.or(z.array(z.never())).default([]),
  kinds: Patterns.or(z.array(z.never())).default([]),
  never_deleted: Patterns.or(z.array(z.never())).default(neverDeleted),
});

export const PolicyFile = z.strictObject({
  read_only: z.boolean().default(false),
  suggest_only: z.boolean().default(false),
  protected: Protected.prefault({}),
  like: z.strictObject({ minutes: z.int().min(0).max(mostLikeMinutes).default(0) }).prefault({}),
  four_eyes: z.array(Match).max(mostRules).default([]),
  rules: z.array(Rule).max(mostRules).default([]),
});
export type PolicyFile = z.infer<typeof PolicyFile>;
