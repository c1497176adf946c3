import { cutJsonText, hasExpired, hasLapsed, limits, type FactOf, type ToolJob } from "@parley/protocol";
import { approvalHash, callHash } from "@parley/protocol/approval-hash";
import type { AuditedCall } from "./audit.ts";
import type { Agreement, ApprovalDeps } from "./call-approval.ts";
import { deniedLate, notAsked, notRun, type Call, type CallEnd } from "./call-end.ts";
import { stamp } from "./call-ids.ts";
import { shownLineOf } from "./plain-text.ts";
import type { Answers, FormQuestion, Tool } from "./tools/tool.ts";

/** A call whose tool wants to know more of a person. */
export interface CallToFillIn {
  readonly call: Call;
  readonly tool: Tool;
  readonly audited: AuditedCall;
}

/** Somebody has filled in what was asked for. */
export interface FilledIn {
  readonly answers: Answers;
  readonly agreement: Agreement;
}

type Asked = Pick<FactOf<"asked">, "form" | "form_state">;

/** Of exactly this question: other fields, or another state of the tool, are another one. */
function hashOf(job: ToolJob, { definition }: Tool, { form, form_state }: Asked): string {
  const { arguments: args, user, conversation_id, turn_id, call_id } = job;
  const preview = { kind: "form", text: JSON.stringify({ form, form_state }) };
  const asked = { tool_name: definition.name, arguments: args, user_id: user.id };
  return approvalHash({ ...asked, conversation_id, turn_id, call_id, preview });
}

/** Asks as for an agreement: the turn waits on nobody (docs/adr/0017), and goes on when it is filled in. */
export async function askToFillIn(
  { call: { job }, tool, audited }: CallToFillIn,
  { summary, form, state }: FormQuestion,
  deps: ApprovalDeps,
): Promise<CallEnd> {
  const asked: Asked = { form, form_state: state };
  const stamped = stamp(job);
  const question: FactOf<"asked"> = {
    ...{ kind: "asked", v: 1, ...stamped, call_id: job.call_id, tool_name: job.tool_name },
    summary: cutJsonText(shownLineOf(summary), limits.approvalSummaryBytes),
    ...{ ...asked, expires_at: stamped.ts + deps.approvalTtlMs },
    ...{ hash: hashOf(job, tool, asked), call_hash: callHash(job) },
  };
  const outcome = await deps.calls.approvals.ask(job, question);
  if (outcome !== "asked") return notAsked(job, outcome);
  // The first question counts: of two workers that ask, or where a person had to agree to the call itself.
  const { asked: first } = await deps.calls.approvals.read(job);
  if (first?.fact.kind === "asked" && first.fact.form === undefined)
    return notRun(
      "failed",
      `${job.tool_name} wants to know more of a person, who was asked about this call before: ${question.summary}`,
    );
  await deps.audit.asked(audited, question);
  return { state: "asked" };
}

/** What was filled in, or how the call ends here; undefined: it was asked for nothing. */
export async function filledIn(
  { call: { job }, tool }: CallToFillIn,
  { calls }: ApprovalDeps,
): Promise<FilledIn | CallEnd | undefined> {
  const { asked, decided } = await calls.approvals.read(job);
  if (asked?.fact.kind !== "asked" || asked.fact.form === undefined) return undefined;
  if (decided === undefined) {
    await calls.approvals.tell(job, asked.fact);
    return { state: "asked" };
  }
  if (decided.fact.kind !== "decided" || !decided.fact.approved) return { state: "denied" };
  const question = { fact: asked.fact, storedMs: asked.storedMs };
  if (hasExpired(question, { fact: decided.fact, storedMs: decided.storedMs })) return deniedLate();
  const { hash, by, content = {} } = decided.fact;
  const isSame = hash === asked.fact.hash && hash === hashOf(job, tool, asked.fact);
  if (!isSame) return notRun("failed", "Not run: what was filled in is not what is asked for.");
  const agreement = { hasLapsed: (begunMs: number) => hasLapsed(question, begunMs), to: { hash, by } };
  return { answers: { content, state: asked.fact.form_state ?? "" }, agreement };
}
