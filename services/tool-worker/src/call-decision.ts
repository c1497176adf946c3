import type { ToolJob } from "@parley/protocol";
import { sleep, traceNames, type ChildSpan } from "@parley/runtime";
import type { AuditedCall } from "./audit.ts";
import { awaitAgreement, type Agreement, type ApprovalDeps, type CallToApprove } from "./call-approval.ts";
import {
  endOf,
  givenUp,
  lapsed,
  lostWrite,
  notAudited,
  notLicensed,
  notRun,
  type Call,
  type CallEnd,
} from "./call-end.ts";
import { lookFirst, withFirst } from "./call-first.ts";
import { askToFillIn, filledIn, type CallToFillIn } from "./call-form.ts";
import type { Begun, CallLog } from "./call-log.ts";
import { execute, type Execution } from "./execution.ts";
import { permit, type Permitted, type Runnable, type TermsDeps } from "./call-terms.ts";
import type { CommittedCalls } from "./committed-calls.ts";
import { createProgress } from "./progress.ts";
import type { KeepFiles } from "./tool-files.ts";
import { NeedsAnswersError, type Answers, type FormQuestion, type Tool } from "./tools/tool.ts";
import { contextOf } from "./try-out.ts";

export interface DecisionDeps extends ApprovalDeps, TermsDeps {
  readonly committed: CommittedCalls;
  readonly calls: CallLog;
  readonly keepFiles: KeepFiles;
}

const PROGRESS_INTERVAL_MS = 200;
const OTHER_RESULT_POLL_MS = 500;
/** What a write that is stopped gets to say what it did: known is better than unknown. */
const LAST_WORD_MS = 250;

/** Brings a call to its end (see `CallEnd`) without storing that. Throws when the broker is away for too long. */
export async function decide(added: Call, deps: DecisionDeps): Promise<CallEnd> {
  const mayChange = added.tool?.definition.effect !== "read";
  const [verified, known, begun] = await Promise.all([
    deps.committed.verify(added.job, added.run),
    deps.calls.look(added.job),
    mayChange ? deps.calls.begun(added.job) : undefined,
  ]);
  // Not a word of it is stored: a result would be the one that counts for whoever has that call.
  if (verified.state === "not committed") return verified;
  const call = { ...added, job: verified.job };
  if (known === "finished") return { state: "known" };
  if (begun !== undefined) return endOfBegun(call, begun, deps);
  const { job, tool } = call;
  if (known === "cancelled" || call.stopper.by() === "cancelled")
    return barred(call, notRun("cancelled", `${job.tool_name} was cancelled.`), deps.calls);
  if (tool === undefined) return barred(call, notRun("failed", `There is no tool named ${job.tool_name}.`), deps.calls);
  const permitted = await permit(call, tool, deps);
  if ("state" in permitted) return barred(call, permitted, deps.calls);
  const end = await carryOut(call, tool, permitted, deps);
  if (end.state === "settled") deps.audit.ended(permitted.audited, end.outcome);
  return end;
}

/** Whoever had this change's licence may have made it: what would run now, and whether it may, says nothing of that. */
async function endOfBegun(call: Call, licence: Begun, { calls, audit }: DecisionDeps): Promise<CallEnd> {
  const { job, tool } = call;
  const end = licence === "barred" ? givenUp(job) : await awaitOther(call, licence.sinceMs, calls);
  if (end.state === "settled") audit.ended({ job, tool: tool?.definition }, end.outcome);
  return end;
}

/**
 * The end of a call that is not to run. Of a change that is true only if nobody else runs it, now or later (Redis lost the job, and the agent added it again):
 * so its licence is taken first.
 */
async function barred(call: Call, end: CallEnd, calls: CallLog): Promise<CallEnd> {
  if (end.state !== "settled" || call.tool?.definition.effect === "read") return end;
  const licence = await calls.bar(call.job);
  return licence === "no room" || licence === "barred" || licence.won ? end : awaitOther(call, licence.sinceMs, calls);
}

/** What the policy permits, if those agree who have to. */
async function carryOut(call: Call, tool: Tool, permitted: Permitted, deps: DecisionDeps): Promise<CallEnd> {
  const { prepared, audited } = permitted;
  const agreed = await agree(call, tool, permitted, deps);
  if ("state" in agreed) return barred(call, agreed, deps.calls);
  const { agreement, answers } = agreed;
  const isLicensed = tool.definition.effect === "write" || agreement !== undefined;
  const notBegun = isLicensed ? await begin(call, tool, { agreement, audited, ...deps }) : undefined;
  if (notBegun !== undefined) return notBegun;
  const end = await perform(call, tool, { prepared, answers }, deps);
  return "asks" in end ? askToFillIn({ call, tool, audited }, end.asks, deps) : end;
}

interface Agreed {
  /** Undefined: nobody has to agree. */
  readonly agreement: Agreement | undefined;
  /** What was filled in, where the tool asked for that. */
  readonly answers?: Answers;
}

async function agree(call: Call, tool: Tool, permitted: Permitted, deps: DecisionDeps): Promise<Agreed | CallEnd> {
  const { prepared, terms, audited } = permitted;
  // Of a call that has to wait for something first, also the job that asked: it may come again after somebody has answered.
  const mayBeFilledIn = call.run.go || prepared.first !== undefined;
  const filled = mayBeFilledIn ? await filledIn({ call, tool, audited }, deps) : undefined;
  const isFree = audited.verdict?.verdict === "allow";
  if (filled !== undefined && !("state" in filled) && !isFree)
    return notRun("denied", "Not run: by now somebody has to agree to this call, and was only asked to fill it in.");
  if (filled !== undefined) return filled;
  const demanded = terms ?? ((await isAskedAbout(call, tool, deps)) ? {} : undefined);
  const first = await lookFirst(call, tool, prepared, deps.log);
  if ("state" in first) return first;
  return demanded === undefined
    ? agreeToFirst({ call, tool, audited }, first.question, deps)
    : agreeOn({ call, tool, audited, ...withFirst(first.question, tool, { prepared, terms: demanded }) }, deps);
}

/** Nobody has to agree to the call itself. */
async function agreeToFirst(
  subject: CallToFillIn,
  question: FormQuestion | undefined,
  deps: DecisionDeps,
): Promise<Agreed | CallEnd> {
  return question === undefined ? { agreement: undefined } : askToFillIn(subject, question, deps);
}

async function agreeOn(subject: CallToApprove, deps: DecisionDeps): Promise<Agreed | CallEnd> {
  const agreement = await awaitAgreement(subject, deps);
  return "state" in agreement ? agreement : { agreement };
}

/** Whether people were asked about a change before the policy became milder: then it is theirs to decide. */
async function isAskedAbout({ job }: Call, { definition }: Tool, { calls }: DecisionDeps): Promise<boolean> {
  return definition.effect === "write" && (await calls.approvals.read(job)).asked !== undefined;
}

interface Beginning extends Pick<DecisionDeps, "calls" | "audit"> {
  readonly agreement: Agreement | undefined;
  readonly audited: AuditedCall;
}

/** Undefined: it may run. That is the one execution that a write may have; a read goes on with what another worker began. */
async function begin(call: Call, { definition }: Tool, beginning: Beginning): Promise<CallEnd | undefined> {
  const { agreement, calls } = beginning;
  const { job } = call;
  const licence = await calls.begin(job);
  if (licence === "no room") return notLicensed(job);
  if (licence === "barred") return givenUp(job);
  if (!licence.won && definition.effect === "write") return awaitOther(call, licence.sinceMs, calls);
  const notHeld = agreement && (await checkHeld(job, agreement, calls));
  if (notHeld !== undefined) return notHeld;
  return (await beginning.audit.begun(beginning.audited, agreement?.to)) ? undefined : notAudited(job);
}

/** Whether an agreement still held when the licence was taken. */
async function checkHeld(job: ToolJob, agreement: Agreement, calls: CallLog): Promise<CallEnd | undefined> {
  // The licence is what it begins with, so the broker's time of that counts, however long this worker stood still before it.
  const begunMs = await calls.begunMs(job);
  // Its conversation was deleted in between, and what was agreed to with it.
  if (begunMs === undefined) return { state: "not asked" };
  return agreement.hasLapsed(begunMs) ? lapsed() : undefined;
}

interface Performed {
  readonly prepared: Runnable;
  readonly answers: Answers | undefined;
}

/** It has done nothing yet: a person is to be asked first. */
interface Asks {
  readonly asks: FormQuestion;
}

async function perform(
  { job, stopper, span }: Call,
  { definition }: Tool,
  { prepared, answers }: Performed,
  { calls, keepFiles, log }: DecisionDeps,
): Promise<CallEnd | Asks> {
  const timeoutMs = Math.min(job.timeout_ms, definition.timeout_ms);
  const progress = createProgress((text) => calls.progress(job, text), PROGRESS_INTERVAL_MS);
  const context = { ...contextOf({ job, stopper }), answers, progress: progress.report };
  const said: { asks?: FormQuestion } = {};
  const running: Runnable = {
    run: (given) =>
      prepared.run(given).catch((error: unknown) => {
        if (error instanceof NeedsAnswersError) said.asks = error.question;
        throw error;
      }),
  };
  const executing = span.child(executionSpan(definition.name, job.call_id));
  const startedAt = performance.now();
  try {
    const lastWordMs = definition.effect === "write" ? LAST_WORD_MS : 0;
    const execution = await stored(
      job,
      keepFiles,
      await execute({ call: running, context, stopper, timeoutMs, lastWordMs, log }),
    );
    // Asked twice it would go round for ever; and a change has its one licence, which is used up.
    const mayAsk = definition.effect === "read" && answers === undefined && execution.kind === "settled";
    if (said.asks !== undefined && mayAsk) return { asks: said.asks };
    const status = execution.kind === "settled" ? execution.status : execution.by;
    executing.set({ [traceNames.toolStatus]: status });
    if (status !== "completed") executing.fail(status);
    return endOf(execution, definition, timeoutMs, performance.now() - startedAt);
  } finally {
    executing.end();
    progress.stop();
  }
}

/** What a tool gives back beside its text is there before its result is. */
async function stored(job: ToolJob, keepFiles: KeepFiles, execution: Execution): Promise<Execution> {
  if (execution.kind !== "settled" || execution.output.files === undefined) return execution;
  return { ...execution, output: await keepFiles(job, execution.output) };
}

/** Neither arguments nor result: they may be anybody's data. */
function executionSpan(tool: string, callId: string): ChildSpan {
  return {
    name: `execute_tool ${tool}`,
    attributes: {
      [traceNames.operation]: "execute_tool",
      [traceNames.tool]: tool,
      [traceNames.toolCall]: callId,
      [traceNames.toolType]: "function",
    },
  };
}

/**
 * Another execution of this write began. If its worker is known to be lost, so is its outcome; else it may still run (Redis lost the
 * job, and the agent added it again), so its result gets the time that is left to it.
 */
async function awaitOther({ job, run }: Call, sinceMs: number, calls: CallLog): Promise<CallEnd> {
  const leftMs = run.recovered ? 0 : leftOf(job.timeout_ms, Date.now() - sinceMs);
  const deadline = performance.now() + leftMs;
  while (performance.now() < deadline) {
    if (run.closing.aborted) return { state: "given back" };
    if (await calls.hasResult(job).catch(() => false)) return { state: "known" };
    await sleep(OTHER_RESULT_POLL_MS, run.closing);
  }
  return lostWrite(job);
}

/** What is left of a time of which so much has passed by two clocks. When they contradict each other, nobody knows: all of it. */
function leftOf(timeoutMs: number, passedMs: number): number {
  return passedMs >= 0 && passedMs <= timeoutMs ? timeoutMs - passedMs : timeoutMs;
}
