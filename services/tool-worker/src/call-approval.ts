import { beginningOf, cutJsonText, hasExpired, limits, type AskedAt, type FactOf } from "@parley/protocol";
import { approvalHash } from "@parley/protocol/approval-hash";
import type { Logger } from "@parley/runtime";
import { deniedLate, endOf, notAsked, notRun, type Call, type CallEnd } from "./call-end.ts";
import { stamp } from "./call-ids.ts";
import type { CallLog } from "./call-log.ts";
import { createStopper, execute, stopByQueue, type Execution, type Stopper } from "./execution.ts";
import { toPlainText } from "./plain-text.ts";
import type { PreparedApproval, Preview, Tool } from "./tools/tool.ts";

export interface ApprovalDeps {
  readonly calls: Pick<CallLog, "approvals">;
  /** How long people have to decide. */
  readonly approvalTtlMs: number;
  readonly log: Logger;
}

/** A call of a tool that needs a person's agreement. */
export interface CallToApprove {
  readonly call: Call;
  readonly tool: Tool;
  readonly approval: PreparedApproval;
}

type Question = Pick<FactOf<"asked">, "summary" | "preview" | "confirm" | "hash">;

/** Somebody has agreed to exactly this call. It holds for a time: see `hasLapsed`. */
export interface Agreement {
  readonly asked: AskedAt;
}

/** A dry run is part of the time in which the agent waits for a call. */
const PREVIEW_MS = 10_000;

/**
 * A person's agreement to exactly this call, or how the call ends here. What decides are facts (docs/adr/0017): nobody was asked → ask; asked and not
 * decided → see that the question is told; denied → the agent has the result; agreed → run, if what would run is what was shown.
 */
export async function awaitAgreement(subject: CallToApprove, deps: ApprovalDeps): Promise<CallEnd | Agreement> {
  const { call } = subject;
  const { approvals } = deps.calls;
  const { asked, decided } = await approvals.read(call.job);
  // What was agreed to is not known any more: its conversation was deleted. Asking again would bring a part of it back.
  if (asked === undefined) return call.run.go ? { state: "not asked" } : ask(subject, deps);
  if (asked.fact.kind !== "asked") return notAsked(call.job, "unreadable");
  if (decided === undefined) {
    await approvals.tell(call.job, asked.fact);
    return { state: "asked" };
  }
  if (decided.fact.kind !== "decided" || !decided.fact.approved) return { state: "denied" };
  const agreement = { asked: { fact: asked.fact, storedMs: asked.storedMs } };
  if (hasExpired(agreement.asked, { fact: decided.fact, storedMs: decided.storedMs })) return deniedLate();
  const seen = await dryRun(subject, deps);
  if ("state" in seen) return seen;
  const isSame = seen.hash === asked.fact.hash && seen.hash === decided.fact.hash;
  return isSame ? agreement : notRun("failed", "Not run: what was approved is not what would run.");
}

async function ask(subject: CallToApprove, deps: ApprovalDeps): Promise<CallEnd> {
  const { job } = subject.call;
  // It ends the call where the turn is cancelled meanwhile: then nobody is asked.
  const question = await dryRun(subject, deps);
  if ("state" in question) return question;
  const { call_id, tool_name } = job;
  const stamped = stamp(job);
  const expires_at = stamped.ts + deps.approvalTtlMs;
  const outcome = await deps.calls.approvals.ask(job, {
    ...{ kind: "asked", v: 1, ...stamped, call_id, tool_name },
    ...{ ...question, expires_at },
  });
  return outcome === "asked" ? { state: "asked" } : notAsked(job, outcome);
}

/** What a person would be shown if they were asked now, and its hash; or how the call ends. Changes nothing, so it may run again and elsewhere. */
async function dryRun({ call, tool, approval }: CallToApprove, { log }: ApprovalDeps): Promise<Question | CallEnd> {
  const { job, run } = call;
  const stopper = createStopper();
  const release = [followStopper(call.stopper, stopper), stopByQueue(stopper, "read", run)];
  const timeoutMs = Math.min(job.timeout_ms, tool.definition.timeout_ms, PREVIEW_MS);
  const context = {
    callId: job.call_id,
    user: job.user,
    caller: job.caller,
    signal: stopper.signal,
    progress: (): void => {},
  };
  const startedAt = performance.now();
  const seen: { question?: Question } = {};
  const preview = async (): Promise<{ text: string }> => {
    seen.question = questionOf(call, tool, approval, await approval.preview(context));
    return { text: "" };
  };
  try {
    const execution = await execute({ call: { run: preview }, context, stopper, timeoutMs, log });
    if (isDone(execution) && seen.question !== undefined) return seen.question;
    const named = { ...tool.definition, effect: "read" as const, name: `The preview of ${tool.definition.name}` };
    return endOf(execution, named, timeoutMs, performance.now() - startedAt);
  } finally {
    for (const end of release) end();
  }
}

function isDone(execution: Execution): boolean {
  return execution.kind === "settled" && execution.status === "completed";
}

/** Stops the second when the first is stopped. Returns how to end that. */
function followStopper(first: Stopper, second: Stopper): () => void {
  const onAbort = (): void => second.stop(first.by() ?? "stopped");
  if (first.signal.aborted) onAbort();
  first.signal.addEventListener("abort", onAbort);
  return () => first.signal.removeEventListener("abort", onAbort);
}

/** Throws what the tool throws. */
function questionOf({ job }: Call, { definition }: Tool, approval: PreparedApproval, shown?: Preview): Question {
  const preview = shown && { kind: shown.kind, text: toPlainText(shown.text).toWellFormed() };
  const { arguments: args, user, conversation_id, turn_id, call_id } = job;
  const asked = { tool_name: definition.name, arguments: args, user_id: user.id };
  const hash = approvalHash({ ...asked, conversation_id, turn_id, call_id, preview });
  const confirm = beginOf(lineOf(approval.confirm() ?? ""), limits.approvalConfirmChars);
  return {
    summary: cutJsonText(lineOf(approval.summary()) || definition.name, limits.approvalSummaryBytes),
    ...(preview && { preview: { ...preview, text: beginningOf(preview.text, limits.approvalPreviewBytes).result } }),
    ...(confirm === "" ? {} : { confirm }),
    hash,
  };
}

/** Cut so that it can be typed: no blank at its end, which nobody sees, and no half of a character. */
function beginOf(line: string, chars: number): string {
  return line
    .slice(0, chars)
    .replace(/[\uD800-\uDBFF]$/, "")
    .trimEnd();
}

/** As one line that a person can read, and type. */
function lineOf(text: string): string {
  return toPlainText(text).toWellFormed().replaceAll(/\s+/g, " ").trim();
}
