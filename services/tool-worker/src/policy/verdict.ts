import { createHash } from "node:crypto";
import type { Access } from "../tools/access.ts";
import { isOfAllNamespaces, isOne, matches, namespaceOf, type Deed } from "./match.ts";
import type { PolicyFile } from "./policy-file.ts";

/** From what asks for least to what runs nothing. Of what a call does the strictest counts. */
const byStrictness = ["allow", "approve", "confirm", "suggest", "deny"] as const;
type Decision = (typeof byStrictness)[number];

/** What is to become of a call. */
export interface Verdict {
  readonly decision: Decision;
  /** Which part of the policy said so, for the log of what was done: `rule 3`, `protected namespaces`, `default for deleting`. */
  readonly by: string;
  /** In the operator's words, or ours. */
  readonly reason?: string;
  /** What has to be typed, if the tool itself names nothing: of what is touched. */
  readonly typed?: string;
  /** Somebody else than who asked has to agree. */
  readonly fourEyes: boolean;
  /** Whoever agrees may do so for calls like this one. */
  readonly like?: Like;
}

interface Like {
  readonly mostMs: number;
  /** The same for calls that are alike: tool, place and kind of what is touched. Whoever adds the user to it, and the conversation, has their name. */
  readonly scope: string;
}

/** What is known of a call when it is decided on. */
export interface Question {
  readonly tool: string;
  readonly effect: "read" | "write";
  readonly roles: readonly string[];
  /** Undefined: the tool does not say what it touches. */
  readonly access: readonly Access[] | undefined;
  /** Its definition has what people are asked about each call. */
  readonly asksByItself: boolean;
}

interface Ruling {
  readonly decision: Decision;
  readonly by: string;
  readonly reason?: string;
  readonly fourEyes?: boolean;
  readonly typed?: string;
}

const minuteMs = 60_000;
/** Taking away for good, and what nobody can look through. Never agreed to in advance. */
const drastic: ReadonlySet<string> = new Set(["delete", "deletecollection", "evict", "exec", "attach"]);
const deleting: ReadonlySet<string> = new Set(["delete", "deletecollection"]);
const rightsGroup = "rbac.authorization.k8s.io";
/** What changes how the whole cluster behaves. */
const farReaching = ["CustomResourceDefinition", "*WebhookConfiguration", "APIService"];

/**
 * What is to become of a call: first the fences (`read_only`, `suggest_only`, `protected`), which no rule opens, then the first rule that fits, then what holds
 * without a rule. A pure function of the policy and the question.
 */
export function decide(policy: PolicyFile, question: Question): Verdict {
  const { access, ...call } = question;
  const deeds: readonly Deed[] =
    access === undefined || access.length === 0 ? [call] : access.map((one) => ({ ...one, ...call }));
  const rulings = deeds.map((deed) => rule(policy, deed, question));
  const strictest = rulings.reduce((one, other) => (rank(other) > rank(one) ? other : one));
  const fourEyes = rulings.some((ruling) => ruling.fourEyes === true);
  const verdict = { ...strictest, fourEyes };
  const like = likeOf(policy, question, verdict);
  return like === undefined ? verdict : { ...verdict, like };
}

function rank({ decision }: Ruling): number {
  return byStrictness.indexOf(decision);
}

function rule(policy: PolicyFile, deed: Deed, question: Question): Ruling {
  const fenced = deed.effect === "write" ? fence(policy, deed) : undefined;
  if (fenced !== undefined) return fenced;
  const ruling = {
    typed: deed.name ?? deed.namespace ?? deed.tool,
    ...(byRule(policy, deed) ?? byDefault(deed, question)),
  };
  const asked = askedByItself(ruling, question);
  if (asked.decision === "deny" || asked.decision === "suggest") return asked;
  if (policy.suggest_only && deed.effect === "write")
    return { decision: "suggest", by: "suggest_only", reason: "Here changes are only suggested." };
  if (!isSeenByTwo(policy, deed, asked)) return asked;
  return { ...asked, decision: asked.decision === "allow" ? "approve" : asked.decision, fourEyes: true };
}

/** A tool that asks about each call, and does not say what it touches, is not made to run without a question by a rule that cannot know. */
function askedByItself(ruling: Ruling, { access, asksByItself }: Question): Ruling {
  if (ruling.decision !== "allow" || access !== undefined || !asksByItself) return ruling;
  return { ...ruling, decision: "approve" };
}

/** What no rule opens. */
function fence({ read_only, suggest_only, protected: guarded }: PolicyFile, deed: Deed): Ruling | undefined {
  if (read_only && !suggest_only) return deny("read_only", "Here nothing may be changed.");
  const { name = "", kind = "", verb = "" } = deed;
  const namespace = namespaceOf(deed);
  if (isInside(guarded.namespaces, deed))
    return deny("protected namespaces", `The namespace ${namespace ?? "of some of these"} is protected.`);
  if (isNamed(guarded.names, deed)) return deny("protected names", `${name} is protected.`);
  if (isOne(guarded.kinds, kind)) return deny("protected kinds", `Objects of the kind ${kind} are protected.`);
  if (deleting.has(verb.toLowerCase()) && isOne(guarded.never_deleted, kind))
    return deny("never deleted", `Objects of the kind ${kind} are never deleted here.`);
  return undefined;
}

function deny(by: string, reason: string): Ruling {
  return { decision: "deny", by, reason };
}

function isInside(namespaces: readonly string[], deed: Deed): boolean {
  const namespace = namespaceOf(deed);
  return (
    (namespace !== undefined && isOne(namespaces, namespace)) || (namespaces.length > 0 && isOfAllNamespaces(deed))
  );
}

/** By its name alone, or by `namespace/name`. */
function isNamed(patterns: readonly string[], deed: Deed): boolean {
  const { name } = deed;
  if (name === undefined) return false;
  return isOne(patterns, name) || isOne(patterns, `${namespaceOf(deed) ?? ""}/${name}`);
}

function byRule({ rules }: PolicyFile, deed: Deed): Ruling | undefined {
  const at = rules.findIndex(({ verdict, reason: _reason, ...match }) =>
    matches(match, deed, { isWide: verdict !== "allow" }),
  );
  const found = rules[at];
  if (found === undefined) return undefined;
  const { verdict, reason } = found;
  return { decision: verdict, by: `rule ${at + 1}`, ...(reason === undefined ? {} : { reason }) };
}

function byDefault(deed: Deed, { access, asksByItself }: Question): Ruling {
  const { effect, kind = "", group = "" } = deed;
  if (group === "" && kind.toLowerCase() === "secret")
    return deny("default for secrets", "Secrets are neither shown nor changed here.");
  // Of a tool of which nothing else is known its author has decided.
  if (access === undefined)
    return { decision: asksByItself ? "approve" : "allow", by: "default for tools that do not say what they touch" };
  return effect === "read" ? { decision: "allow", by: "default for reading" } : changeByDefault(deed);
}

function changeByDefault({ kind = "", group = "", verb = "" }: Deed): Ruling {
  if (drastic.has(verb.toLowerCase())) return { decision: "confirm", by: "default for deleting and commands" };
  if (group.toLowerCase() === rightsGroup || isOne(farReaching, kind))
    return { decision: "confirm", by: "default for what the whole cluster goes by" };
  return { decision: "approve", by: "default for changing" };
}

function isSeenByTwo({ four_eyes }: PolicyFile, deed: Deed, { decision }: Ruling): boolean {
  if (deed.effect === "read" && decision === "allow") return false;
  return four_eyes.some((match) => matches(match, deed, { isWide: true }));
}

/** Undefined: each such call is asked about by itself. */
function likeOf(
  { like }: PolicyFile,
  { tool, access = [] }: Question,
  { decision, fourEyes }: Verdict,
): Like | undefined {
  const isOffered = like.minutes > 0 && decision === "approve" && !fourEyes && access.length > 0;
  if (!isOffered || access.some(({ verb }) => drastic.has(verb.toLowerCase()))) return undefined;
  const places = access.map(({ system, cluster, verb, group, kind, namespace }) =>
    JSON.stringify([system, cluster, verb, group, kind, namespace]),
  );
  const alike = JSON.stringify([tool, [...new Set(places)].toSorted()]);
  return { mostMs: like.minutes * minuteMs, scope: createHash("sha256").update(alike).digest("hex") };
}
