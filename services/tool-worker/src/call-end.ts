import type { JobRun } from "@parley/bus";
import { agreementLapsed, notAgreedInTime, unknownEffect, type ToolDefinition, type ToolJob } from "@parley/protocol";
import type { TraceSpan } from "@parley/runtime";
import { outcomeOf, type CallOutcome } from "./call-log.ts";
import type { Unverified } from "./committed-calls.ts";
import type { Execution, Interruption, Stopper } from "./execution.ts";
import type { Tool } from "./tools/tool.ts";

/** One call as the queue handed it out. */
export interface Call {
  readonly job: ToolJob;
  readonly run: JobRun;
  /** Undefined: there is none of that name. */
  readonly tool: Tool | undefined;
  readonly stopper: Stopper;
  /** Of the job. */
  readonly span: TraceSpan;
}

/**
 * How a call ends on this worker:
 *
 *     verify ─▶ not committed               no step of the turn has this call: whoever added it is no agent worker
 *       ▼
 *     look ─▶ known                         a result is stored already; nothing runs
 *       ├───▶ settled                       a write that another execution began, without a result: unknown
 *       ├───▶ settled                       the turn is cancelled · no such tool · not allowed · arguments not valid
 *       ▼
 *     decide (policy) ─▶ settled            denied · only suggested · what would be touched is not known
 *       ▼
 *     agree (if a person has to) ─▶ asked   the question is told, and nobody has decided yet
 *       ├───▶ denied, not asked             the agent writes the result · nothing is known of the question any more
 *       ├───▶ settled                       the dry run failed · no room to ask · agreed too late, or to something else
 *       ▼
 *     begin (writes, and ─▶ known           another execution began before, and its result came
 *       │ what was agreed to)
 *       ├─────────────────▶ settled         it began, and no result came: unknown · no room for the licence · too late for what was agreed to
 *       ▼
 *     execute ─▶ settled                    completed · failed · reads: timeout, cancelled · writes that were stopped: unknown
 *       └──────▶ given back, not mine       reads only: another worker runs it
 *
 * `settled` is stored as the call's result; if another result was first, that one counts. Before a write is told as not run its licence is taken, so that
 * nobody else runs it.
 */
export type CallEnd =
  | { readonly state: "known" }
  /** Without a result: the turn waits for a person. */
  | { readonly state: "asked" | "denied" | "not asked" }
  /** Nobody has committed this call: nothing is stored. */
  | { readonly state: "not committed"; readonly why: Unverified }
  | { readonly state: "settled"; readonly outcome: CallOutcome }
  | { readonly state: "given back" }
  | { readonly state: "not mine" };

/** The end of a write that another worker began and never finished. */
export function lostWrite({ tool_name }: ToolJob): CallEnd {
  const text = unknownEffect(`the worker that ran ${tool_name} was lost.`);
  return { state: "settled", outcome: outcomeOf("unknown", { text }, 0) };
}

/** The end of a write for whose licence there is no room: without one it never runs. */
export function notLicensed({ tool_name }: ToolJob): CallEnd {
  return notRun(
    "failed",
    `${tool_name} was not run: the service has no room to note that it runs. Nothing was changed.`,
  );
}

/** The end of a call whose beginning could not be noted in the audit log: what nobody could account for does not happen. */
export function notAudited({ tool_name }: ToolJob): CallEnd {
  return notRun("failed", `${tool_name} was not run: it could not be noted in the audit log. Nothing was changed.`);
}

/** The end of a call that a person would have to agree to and nobody can be asked about. */
export function notAsked({ tool_name }: ToolJob, reason: "no room" | "unreadable"): CallEnd {
  const because =
    reason === "no room"
      ? "the service has no room to ask whether it may"
      : "what was asked about it cannot be read any more";
  return notRun("failed", `${tool_name} was not run: ${because}. Nothing was changed.`);
}

/** The end of a call that somebody agreed to when the time was over. */
export function deniedLate(): CallEnd {
  return notRun("denied", notAgreedInTime);
}

/** The end of a call that somebody agreed to in time, and for which that time was over when it could have begun. */
export function lapsed(): CallEnd {
  return notRun("denied", agreementLapsed);
}

/** The end of a change that somebody has barred: nobody runs it. */
export function givenUp({ tool_name }: ToolJob): CallEnd {
  return notRun("cancelled", `${tool_name} was given up before it began.`);
}

/** The end of a call that never ran. */
export function notRun(status: "failed" | "cancelled" | "denied", text: string): CallEnd {
  return { state: "settled", outcome: outcomeOf(status, { text }, 0) };
}

export function endOf(execution: Execution, tool: ToolDefinition, timeoutMs: number, durationMs: number): CallEnd {
  if (execution.kind === "settled") {
    if (execution.unexpected === true && tool.effect === "write")
      return unknownEnd(`${tool.name} failed for an internal reason.`, durationMs);
    return { state: "settled", outcome: outcomeOf(execution.status, execution.output, durationMs) };
  }
  if (tool.effect === "read" && execution.by !== "cancelled" && execution.by !== "timeout") {
    return { state: execution.by === "lock lost" ? "not mine" : "given back" };
  }
  const reason = reasonOf(execution.by, tool.name, timeoutMs);
  if (tool.effect === "write" && execution.notDone !== true) return unknownEnd(reason, durationMs);
  const text = tool.effect === "write" ? `${reason} Nothing was changed.` : reason;
  return { state: "settled", outcome: outcomeOf(statusOf(execution.by), { text }, durationMs) };
}

function unknownEnd(reason: string, durationMs: number): CallEnd {
  return { state: "settled", outcome: outcomeOf("unknown", { text: unknownEffect(reason) }, durationMs) };
}

function statusOf(by: Interruption): CallOutcome["status"] {
  return by === "cancelled" || by === "timeout" ? by : "failed";
}

function reasonOf(by: Interruption, name: string, timeoutMs: number): string {
  if (by === "cancelled") return `${name} was cancelled.`;
  if (by === "timeout") return `${name} did not finish within ${timeoutMs / 1_000} s.`;
  return `${name} was broken off: the worker that ran it had to stop.`;
}
