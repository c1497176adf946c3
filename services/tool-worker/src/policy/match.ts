import { z } from "zod";
import type { Access } from "../tools/access.ts";

/** What a part of the policy is about: all that is said must fit, and of a list one. */

const mostPatterns = 200;
const pattern = /^[^\s*]{0,253}(?:\*[^\s*]{0,253}){0,4}$/;
const Pattern = z
  .string()
  .min(1)
  .max(300)
  .regex(pattern, "must be a name, or a pattern of one with up to four `*`, which stand for any letters");
export const Patterns = z
  .union([Pattern, z.array(Pattern).min(1).max(mostPatterns)])
  .transform((value): readonly string[] => (typeof value === "string" ? [value] : value));

const fields = {
  tool: Patterns.optional(),
  effect: z.enum(["read", "write"]).optional(),
  system: Patterns.optional(),
  cluster: Patterns.optional(),
  verb: Patterns.optional(),
  group: z.union([z.literal("").transform((): readonly string[] => [""]), Patterns]).optional(),
  kind: Patterns.optional(),
  namespace: Patterns.optional(),
  name: Patterns.optional(),
  role: Patterns.optional(),
};
export const matchFields = fields;
export const Match = z.strictObject(fields);
export type Match = z.infer<typeof Match>;

/** One thing that a call does, with what is known of the call. Of a tool that does not say what it touches the access is empty. */
export interface Deed extends Partial<Access> {
  readonly tool: string;
  readonly effect: "read" | "write";
  readonly roles: readonly string[];
}

/** Verbs that reach all namespaces where none is named. */
const wideVerbs: ReadonlySet<string> = new Set(["list", "watch", "deletecollection"]);
/** Kinds of no namespace: of these the absence of one says nothing. */
const clusterKinds: ReadonlySet<string> = new Set(
  [
    ...["Namespace", "Node", "PersistentVolume", "StorageClass", "IngressClass", "PriorityClass", "RuntimeClass"],
    ...["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "APIService", "CSIDriver", "CSINode"],
    ...["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "VolumeAttachment", "GatewayClass"],
  ].map((kind) => kind.toLowerCase()),
);

/** The namespace that a deed is in; that of a Namespace is itself. */
export function namespaceOf({ kind, name, namespace }: Partial<Access>): string | undefined {
  return kind?.toLowerCase() === "namespace" ? (name ?? namespace) : namespace;
}

/** Whether it reaches objects of every namespace. */
export function isOfAllNamespaces(deed: Partial<Access>): boolean {
  const { verb = "", kind = "", system } = deed;
  if (namespaceOf(deed) === "*") return true;
  if (system !== "kubernetes" || namespaceOf(deed) !== undefined) return false;
  return wideVerbs.has(verb.toLowerCase()) && !clusterKinds.has(kind.toLowerCase());
}

/** `isWide`: what reaches all namespaces counts as in the one that is named; so it must be where something is taken away, and must not where it is given. */
export function matches(match: Match, deed: Deed, { isWide }: { readonly isWide: boolean }): boolean {
  if (match.effect !== undefined && match.effect !== deed.effect) return false;
  if (match.role !== undefined && !deed.roles.some((role) => isOne(match.role, role))) return false;
  if (!isOne(match.namespace, namespaceOf(deed)) && !(isWide && isOfAllNamespaces(deed))) return false;
  const named = ["tool", "system", "cluster", "verb", "group", "kind", "name"] as const;
  return named.every((field) => isOne(match[field], deed[field]));
}

/** Letters of either size are the same: kinds and verbs are written as people like, and a rule that does not fit takes nothing away. */
export function isOne(patterns: readonly string[] | undefined, value: string | undefined): boolean {
  if (patterns === undefined) return true;
  return value !== undefined && patterns.some((one) => fits(one.toLowerCase(), value.toLowerCase()));
}

/** `*` stands for any letters, none too. The pieces are looked for from left to right, which takes no longer than the value is long for each of them. */
function fits(whole: string, value: string): boolean {
  const [first = "", ...rest] = whole.split("*");
  const last = rest.pop();
  if (last === undefined) return whole === value;
  if (!value.startsWith(first) || value.length < first.length + last.length) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = value.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return value.endsWith(last) && at <= value.length - last.length;
}
