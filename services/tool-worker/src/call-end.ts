import type { ToolDefinition, ToolJob } from "@parley/protocol";
import { outcomeOf, type CallOutcome } from "./call-log.ts";
import type { Execution, Interruption } from "./execution.ts";

/**
 * How a call ends on this worker:
 *
 *     look ─▶ known                         a result is stored already; nothing runs
 *       ├───▶ settled                       the turn is cancelled · no such tool · arguments not valid
 *       ▼
 *     begin (writes only) ─▶ known          another execution began before, and its result came
 *       ├──────────────────▶ settled        it began, and no result came: lost
 *       ▼
 *     execute ─▶ settled                    completed · failed · timeout · cancelled
 *       └──────▶ given back, not mine       reads only: another worker runs it
 *
 * `settled` is stored as the call's result; if another result was first, that one counts.
 */
export type CallEnd =
  | { readonly state: "known" }
  | { readonly state: "settled"; readonly outcome: CallOutcome }
  | { readonly state: "given back" }
  | { readonly state: "not mine" };

const UNCERTAIN = "What it was to change may or may not have happened.";

/** The end of a write that another worker began and never finished. */
export function lostWrite({ tool_name }: ToolJob): CallEnd {
  const text = `${tool_name} may or may not have happened: the worker that ran it was lost. It is not run again.`;
  return { state: "settled", outcome: outcomeOf("failed", { text }, 0) };
}

/** The end of a call that never ran. */
export function notRun(status: "failed" | "cancelled", text: string): CallEnd {
  return { state: "settled", outcome: outcomeOf(status, { text }, 0) };
}

export function endOf(execution: Execution, tool: ToolDefinition, timeoutMs: number, durationMs: number): CallEnd {
  if (execution.kind === "settled") {
    return { state: "settled", outcome: outcomeOf(execution.status, execution.output, durationMs) };
  }
  if (tool.effect === "read" && execution.by !== "cancelled" && execution.by !== "timeout") {
    return { state: execution.by === "lock lost" ? "not mine" : "given back" };
  }
  const reason = reasonOf(execution.by, tool.name, timeoutMs);
  const text = tool.effect === "write" ? `${reason} ${UNCERTAIN}` : reason;
  return { state: "settled", outcome: outcomeOf(statusOf(execution.by), { text }, durationMs) };
}

function statusOf(by: Interruption): CallOutcome["status"] {
  return by === "cancelled" || by === "timeout" ? by : "failed";
}

function reasonOf(by: Interruption, name: string, timeoutMs: number): string {
  if (by === "cancelled") return `${name} was cancelled.`;
  if (by === "timeout") return `${name} did not finish within ${timeoutMs / 1_000} s.`;
  return `${name} was broken off: the worker that ran it had to stop.`;
}
