import { createHash } from "node:crypto";
import { callerOf, everybody, limits, toolNotAllowed, type FactOf, type May, type ToolJob } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Audit, AuditedCall } from "./audit.ts";
import { notRun, type Call, type CallEnd } from "./call-end.ts";
import { lineOf } from "./plain-text.ts";
import type { Policy } from "./policy/live-policy.ts";
import type { Verdict } from "./policy/verdict.ts";
import { ToolError, type PreparedCall, type Tool } from "./tools/tool.ts";
import { tryOut } from "./try-out.ts";

export interface TermsDeps {
  /** By the roles as they are when a call is to run, whenever it was asked for, or agreed to. */
  readonly may: May;
  /** As it is then, too. */
  readonly policy: Policy;
  readonly onVerdict: (tool: string, verdict: Verdict) => void;
  readonly audit: Audit;
  readonly log: Logger;
}

export type Runnable = Extract<PreparedCall, { run: unknown }>;

/** What whoever agrees has to do, and may. */
export type Terms = Pick<FactOf<"asked">, "confirm" | "four_eyes"> & {
  readonly like?: { readonly mostMs: number; readonly scope: string };
  readonly reason?: string;
};

/** A call that may run; with `terms`, if a person agrees on these. */
export interface Permitted {
  readonly prepared: Runnable;
  readonly terms?: Terms;
  /** What is told of it from here on. */
  readonly audited: AuditedCall;
}

/** Asking a system what a name means there is part of the time in which the agent waits. */
const accessMs = 5_000;

/**
 * Whether a call may run, by what it would really touch, or how it ends here: whoever asks may not run the tool, its arguments are wrong, or the policy keeps it from
 * running. Asked again when it is to run after somebody has agreed: what is denied meanwhile does not.
 */
export async function permit(call: Call, tool: Tool, deps: TermsDeps): Promise<Permitted | CallEnd> {
  const { job, run } = call;
  const { name } = tool.definition;
  const refuse = (text: string, why: Partial<AuditedCall>): CallEnd => {
    deps.audit.refused({ job, tool: tool.definition, ...why });
    return notRun("denied", text);
  };
  if (!deps.may(callerOf(job), "tool:run", { kind: "tool", name }).allowed)
    return refuse(toolNotAllowed(name), { verdict: { verdict: "deny", rule: "rights of the caller" } });
  const prepared = tool.prepare(job.arguments);
  if ("problem" in prepared) return notRun("failed", prepared.problem);
  const known = await knowTouched(call, { tool, prepared }, deps);
  if ("state" in known) return known;
  const verdict = deps.policy.decide({ ...questionOf(job, tool, prepared), access: known.access });
  deps.onVerdict(name, verdict);
  const audited = auditedOf(call, tool, { access: known.access, verdict });
  if (verdict.decision === "deny") return refuse(deniedText(verdict), audited);
  if (verdict.decision === "suggest") return refuse(suggestion(name, prepared), audited);
  // What somebody was asked about is theirs to decide, also where the policy would not ask any more.
  if (verdict.decision === "allow") return run.go ? { prepared, terms: {}, audited } : { prepared, audited };
  if (tool.definition.approval === undefined) return refuse(nobodyToAsk(name), audited);
  return { prepared, terms: termsOf(job, verdict, known.confirm), audited };
}

function auditedOf(
  { job }: Call,
  { definition: tool }: Tool,
  { access, verdict }: { readonly access: Touched["access"]; readonly verdict: Verdict },
): AuditedCall {
  const { decision, by: rule, reason } = verdict;
  return { job, tool, access, verdict: { verdict: decision, rule, reason } };
}

interface Touched {
  readonly access: Parameters<Policy["decide"]>[0]["access"];
  /** What the tool itself wants to be typed. */
  readonly confirm: string | undefined;
}

async function knowTouched(
  call: Call,
  { tool, prepared }: { readonly tool: Tool; readonly prepared: Runnable },
  { log }: TermsDeps,
): Promise<Touched | CallEnd> {
  const { access, approval } = prepared;
  if (access === undefined && approval === undefined) return { access: undefined, confirm: undefined };
  const what = "What would be touched by";
  const tried = await tryOut({ call, tool, what, timeoutMs: accessMs, log }, async (context): Promise<Touched> => {
    const touched = await access?.(context);
    return { access: touched, confirm: approval?.confirm() };
  });
  return "state" in tried ? tried : tried.value;
}

function questionOf(job: ToolJob, { definition }: Tool, { approval }: Runnable) {
  const { name: tool, effect } = definition;
  return { tool, effect, roles: [everybody, ...(job.caller?.roles ?? [])], asksByItself: approval !== undefined };
}

function termsOf({ user }: ToolJob, verdict: Verdict, own: string | undefined): Terms {
  const wanted = own ?? (verdict.decision === "confirm" ? verdict.typed : undefined);
  const confirm = wanted === undefined ? "" : beginOf(lineOf(wanted), limits.approvalConfirmChars);
  const { like, reason, fourEyes } = verdict;
  return {
    ...(confirm === "" ? {} : { confirm }),
    ...(fourEyes ? { four_eyes: true as const } : {}),
    // What has to be typed is agreed to each time. Whose calls they are is a part of what makes them alike.
    ...(like === undefined || confirm !== ""
      ? {}
      : { like: { mostMs: like.mostMs, scope: scopeOf(like.scope, user.id) } }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function scopeOf(alike: string, user: string): string {
  return createHash("sha256")
    .update(JSON.stringify([alike, user]))
    .digest("hex");
}

function deniedText({ reason, by }: Verdict): string {
  return `Not run: the policy of this service does not allow it. ${reason === undefined ? `(${by})` : reason}`;
}

function suggestion(name: string, { command }: Runnable): string {
  let text: string;
  try {
    text = command?.() ?? "";
  } catch (error) {
    if (error instanceof ToolError) return error.message;
    throw error;
  }
  if (text === "")
    return `Not run: here changes are only suggested, and ${name} has nothing that a person could type instead.`;
  return `Not run: here changes are only suggested. To do it, a person can type:\n\n${text}`;
}

function nobodyToAsk(name: string): string {
  return `Not run: the policy of this service wants a person to agree to it, and nobody can be asked about ${name}.`;
}

/** Cut so that it can be typed: no blank at its end, which nobody sees, and no half of a character. */
function beginOf(line: string, chars: number): string {
  return line
    .slice(0, chars)
    .replace(/[\uD800-\uDBFF]$/, "")
    .trimEnd();
}
