import { limits, type FactOf, type ToolCallEndEvent } from "@parley/protocol";
import { fitResult } from "./result-text.ts";

/**
 * The event that tells of a result: its bounded beginning, and where the whole is. A pure function of the fact: whoever finds a fact without its event
 * writes the same.
 */
export function toolCallEndOf(fact: FactOf<"result">): ToolCallEndEvent {
  const { kind: _kind, v: _v, conversation_id, turn_id, ts, call_id, result, ...call } = fact;
  const common = { type: "tool_call_end" as const, conversation_id, turn_id, ts, call_id };
  const beginning = fitResult({ text: result }, limits.toolResultBytes);
  if (beginning.truncated !== true) return { ...common, ...call, result };
  const whole = { result_bytes: Buffer.byteLength(result), result_id: call_id };
  return { ...common, ...call, result: beginning.text, truncated: true, ...whole };
}
