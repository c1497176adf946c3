import {
  beginningOf,
  cutJsonText,
  hasExpired,
  hasLapsed,
  limits,
  likeTurn,
  type AskedAt,
  type DecidedAt,
  type FactOf,
  type ToolJob,
} from "@parley/protocol";
import { approvalHash, callHash } from "@parley/protocol/approval-hash";
import type { Logger } from "@parley/runtime";
import type { AgreedTo, Audit, AuditedCall } from "./audit.ts";
import { deniedLate, notAsked, notRun, type Call, type CallEnd } from "./call-end.ts";
import { stamp } from "./call-ids.ts";
import type { CallLog } from "./call-log.ts";
import { lineOf, shownLineOf, toShownText } from "./plain-text.ts";
import type { Terms } from "./call-terms.ts";
import type { PreparedApproval, Preview, Tool } from "./tools/tool.ts";
import { tryOut } from "./try-out.ts";

export interface ApprovalDeps {
  readonly calls: Pick<CallLog, "approvals">;
  /** How long people have to decide. */
  readonly approvalTtlMs: number;
  readonly audit: Audit;
  readonly log: Logger;
}

/** A call that needs a person's agreement. */
export interface CallToApprove {
  readonly call: Call;
  readonly tool: Tool;
  /** What the tool says of itself to people. */
  readonly approval: PreparedApproval | undefined;
  readonly terms: Terms;
  readonly audited: AuditedCall;
}

type Shown = Pick<FactOf<"asked">, "summary" | "preview" | "confirm" | "four_eyes" | "hash">;

/** Somebody has agreed to exactly this call, or to calls like it. It holds for a time. */
export interface Agreement {
  /** Whether that time was over when the licence was stored, by the broker's clock. */
  hasLapsed(begunMs: number): boolean;
  readonly to: AgreedTo;
}

/** A dry run is part of the time in which the agent waits for a call. */
const previewMs = 10_000;

/**
 * A person's agreement to exactly this call, or how the call ends here. What decides are facts (docs/adr/0017): nobody was asked → ask; asked and not
 * decided → see that the question is told; denied → the agent has the result; agreed → run, if what would run is what was shown.
 */
export async function awaitAgreement(subject: CallToApprove, deps: ApprovalDeps): Promise<CallEnd | Agreement> {
  const { call } = subject;
  const { approvals } = deps.calls;
  const { asked, decided } = await approvals.read(call.job);
  // What was agreed to is not known any more: its conversation was deleted. Asking again would bring a part of it back.
  if (asked === undefined) return call.run.go ? { state: "not asked" } : askOrGoOn(subject, deps);
  if (asked.fact.kind !== "asked") return notAsked(call.job, "unreadable");
  if (decided === undefined) {
    await Promise.all([approvals.tell(call.job, asked.fact), deps.audit.asked(subject.audited, asked.fact)]);
    return { state: "asked" };
  }
  if (decided.fact.kind !== "decided" || !decided.fact.approved) return { state: "denied" };
  const question = { fact: asked.fact, storedMs: asked.storedMs };
  return agreementTo(subject, { question, decision: { fact: decided.fact, storedMs: decided.storedMs } }, deps);
}

interface Decided {
  readonly question: AskedAt;
  readonly decision: DecidedAt;
}

/** Somebody has agreed: in time, as they may, and to what would run now? */
async function agreementTo(
  subject: CallToApprove,
  { question, decision }: Decided,
  deps: ApprovalDeps,
): Promise<CallEnd | Agreement> {
  if (hasExpired(question, decision)) return deniedLate();
  const { terms, call } = subject;
  const { hash, by } = decision.fact;
  // Edges refuse that. Who runs the call does not rely on it.
  const demandsOther = terms.four_eyes === true || question.fact.four_eyes === true;
  if (demandsOther && by?.id === call.job.user.id)
    return notRun("denied", "Not run: somebody else than who asked for it has to agree.");
  const seen = await dryRun({ ...subject, terms: withAsked(terms, question.fact) }, deps);
  if ("state" in seen) return seen;
  const isSame = seen.hash === question.fact.hash && seen.hash === hash;
  if (!isSame) return notRun("failed", "Not run: what was approved is not what would run.");
  return { hasLapsed: (begunMs) => hasLapsed(question, begunMs), to: { hash, by } };
}

/** What is demanded now, and what was when it was asked: a policy that became stricter makes it another question, one that became milder does not. */
function withAsked(terms: Terms, { confirm, four_eyes, call_hash }: FactOf<"asked">): Terms {
  // Asked by a version whose hash did not have it.
  if (call_hash === undefined) return { ...terms, confirm: undefined, four_eyes: undefined };
  return { ...terms, confirm: terms.confirm ?? confirm, four_eyes: terms.four_eyes ?? four_eyes };
}

/** Nobody was asked about it yet. Where calls like it were agreed to nobody needs to be; it is tried out all the same. */
async function askOrGoOn(subject: CallToApprove, deps: ApprovalDeps): Promise<CallEnd | Agreement> {
  const like = await agreedAlike(subject, deps);
  // It ends the call where the turn is cancelled meanwhile: then nobody is asked.
  const shown = await dryRun(subject, deps);
  if ("state" in shown) return shown;
  return like ?? ask(subject, shown, deps);
}

async function ask(
  { call: { job }, terms, audited }: CallToApprove,
  shown: Shown,
  deps: ApprovalDeps,
): Promise<CallEnd> {
  const { call_id, tool_name } = job;
  const stamped = stamp(job);
  const { like, reason } = terms;
  const question: FactOf<"asked"> = {
    ...{ kind: "asked", v: 1, ...stamped, call_id, tool_name },
    ...{ ...shown, expires_at: stamped.ts + deps.approvalTtlMs },
    ...(like === undefined ? {} : { like_ms: like.mostMs, like_scope: like.scope }),
    ...(reason === undefined ? {} : { policy_reason: lineOf(reason) }),
    call_hash: callHash(job),
  };
  const outcome = await deps.calls.approvals.ask(job, question);
  if (outcome !== "asked") return notAsked(job, outcome);
  await deps.audit.asked(audited, question);
  return { state: "asked" };
}

/**
 * Whether calls like this one were agreed to, and when that ends. The fact that says where only leads to the decision: what counts is that, and the question it was
 * made on. By this process's clock it is only seen whether to try: the broker's decides when the call begins.
 */
async function agreedAlike(
  { call: { job }, terms }: CallToApprove,
  deps: ApprovalDeps,
): Promise<Agreement | undefined> {
  const { like } = terms;
  if (like === undefined) return undefined;
  const { approvals } = deps.calls;
  const pointer = await approvals.readLike({ conversation: job.conversation_id, turn: likeTurn, call: like.scope });
  if (pointer === undefined) return undefined;
  const { asked, decided } = await approvals.read({ ...job, ...pointer.decided });
  if (asked?.fact.kind !== "asked" || decided?.fact.kind !== "decided") return undefined;
  const question = { fact: asked.fact, storedMs: asked.storedMs };
  const untilMs = alikeUntilMs(like, { question, decision: { fact: decided.fact, storedMs: decided.storedMs } });
  const { hash, by } = decided.fact;
  return Date.now() < untilMs ? { hasLapsed: (begunMs) => begunMs > untilMs, to: { hash, by } } : undefined;
}

/** By the broker's clock; 0: nobody has agreed to it. */
function alikeUntilMs({ scope, mostMs }: NonNullable<Terms["like"]>, { question, decision }: Decided): number {
  const { approved, like_ms = 0, hash } = decision.fact;
  const isOfThese = question.fact.like_scope === scope && question.fact.hash === hash;
  if (!approved || !isOfThese || hasExpired(question, decision)) return 0;
  return decision.storedMs + Math.min(like_ms, question.fact.like_ms ?? 0, mostMs);
}

/** What a person would be shown if they were asked now, and its hash; or how the call ends. */
async function dryRun({ call, tool, approval, terms }: CallToApprove, { log }: ApprovalDeps): Promise<Shown | CallEnd> {
  const tried = await tryOut({ call, tool, what: "The preview of", timeoutMs: previewMs, log }, async (context) =>
    shownOf(call.job, { tool, approval, terms }, await approval?.preview(context)),
  );
  return "state" in tried ? tried : tried.value;
}

/** Throws what the tool throws. */
function shownOf(
  { arguments: args, user, conversation_id, turn_id, call_id }: ToolJob,
  { tool: { definition }, approval, terms: { confirm, four_eyes } }: Pick<CallToApprove, "tool" | "approval" | "terms">,
  given?: Preview,
): Shown {
  const preview = given && { kind: given.kind, text: toShownText(given.text) };
  const demands = { ...(confirm === undefined ? {} : { confirm }), ...(four_eyes === undefined ? {} : { four_eyes }) };
  const asked = { tool_name: definition.name, arguments: args, user_id: user.id, ...demands };
  const hash = approvalHash({ ...asked, conversation_id, turn_id, call_id, preview });
  const summary = shownLineOf(approval?.summary() ?? "") || `Runs ${definition.name}.`;
  return {
    summary: cutJsonText(summary, limits.approvalSummaryBytes),
    ...(preview && { preview: { ...preview, text: beginningOf(preview.text, limits.approvalPreviewBytes).result } }),
    ...{ ...demands, hash },
  };
}
