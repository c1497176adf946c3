import { endedArguments, limits, type FactOf, type FinishedToolCall, type ToolCallEndEvent } from "@parley/protocol";
import { fitResult } from "./result-text.ts";

/**
 * The event that tells of a result: bounded beginnings of arguments and result, and where the whole of them is. A pure function of the fact: whoever
 * finds a fact without its event writes the same.
 */
export function toolCallEndOf(fact: FactOf<"result">): ToolCallEndEvent {
  const { call_id, arguments: args } = fact;
  const short = endedArguments(args);
  const place = short.arguments_bytes === undefined ? {} : { arguments_id: call_id };
  return { ...headOf(fact), ...short, ...place, ...resultOf(fact, { result_id: call_id }) };
}

/** The event of a result for whose fact there was no room: the event alone keeps it, so it has as much of it as an event can. */
export function loneToolCallEndOf(fact: FactOf<"result">): ToolCallEndEvent {
  return { ...headOf(fact), arguments: fact.arguments, ...resultOf(fact, {}) };
}

function headOf({ kind: _kind, v: _v, arguments: _args, result: _result, brief: _brief, ...call }: FactOf<"result">) {
  return { type: "tool_call_end" as const, ...call };
}

/** The event has what the model reads; people find all of it under `result_id`. */
function resultOf(
  { result, brief }: FactOf<"result">,
  place: Pick<FinishedToolCall, "result_id">,
): Pick<FinishedToolCall, "result" | "truncated" | "result_bytes" | "result_id"> {
  const { text, truncated } = fitResult({ text: brief ?? result }, limits.toolResultBytes);
  if (text === result) return { result };
  return { result: text, ...(truncated ? { truncated } : {}), result_bytes: Buffer.byteLength(result), ...place };
}
