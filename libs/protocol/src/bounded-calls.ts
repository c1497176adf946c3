import { beginningOfLines, cutJsonText, jsonBytes, jsonTextBytes, shareBytes } from "./encoded-size.ts";
import type { MessageEvent, ToolCallEndEvent } from "./events.ts";
import { limits } from "./limits.ts";
import type { FinishedToolCall, ToolArguments } from "./tool-calls.ts";

/** Tool calls cut to a size by rule: results first, then arguments, the largest before the smaller ones. */

/** A result below this says nothing but that it was cut. */
const leastResultBytes = 64;
/** What an event has beside its own content: ids of full length, place in the chain, time. */
export const envelopeBytes = 512;

/** The beginning of a result, by whole lines as far as they are not too long, with a last line that says that it was cut. */
export function beginningOf(result: string, maxBytes: number): { result: string; truncated: boolean } {
  if (jsonTextBytes(result) <= maxBytes) return { result, truncated: false };
  const note = `[cut here: ${result.length} characters in all]`;
  const roomBytes = maxBytes - jsonTextBytes(note);
  // Not even a line end.
  if (roomBytes <= 2) return { result: cutJsonText(note, maxBytes), truncated: true };
  const { whole, begun } = beginningOfLines(result.split("\n"), roomBytes);
  return { result: [...whole, ...(begun === "" ? [] : [begun]), note].join("\n"), truncated: true };
}

/** How large each value of arguments that are too large may be, tried in this order. */
const valueBytes = [16_384, 4_096, 1_024, 256, 64, 16] as const;

function shortValue(value: unknown, maxBytes: number): unknown {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  if (jsonTextBytes(text) <= maxBytes) return value;
  return `${cutJsonText(text, maxBytes)}… [cut here: ${text.length} characters in all]`;
}

/** The same names with shortened values; no names at all where there are too many. `bytesOf` is how the result is counted. */
export function shortArguments(
  args: ToolArguments,
  maxBytes: number,
  bytesOf: (args: ToolArguments) => number = jsonBytes,
): ToolArguments {
  if (bytesOf(args) <= maxBytes) return args;
  for (const each of valueBytes) {
    const short = Object.fromEntries(Object.entries(args).map(([name, value]) => [name, shortValue(value, each)]));
    if (bytesOf(short) <= maxBytes) return short;
  }
  return {};
}

type EndedArguments = Pick<FinishedToolCall, "arguments" | "arguments_bytes">;

/** The arguments of a call that has ended, where the whole of them is kept elsewhere. */
export function endedArguments(args: ToolArguments): EndedArguments {
  const bytes = jsonBytes(args);
  if (bytes <= limits.endedArgumentsBytes) return { arguments: args };
  return { arguments: shortArguments(args, limits.endedArgumentsBytes), arguments_bytes: bytes };
}

/** The field `arguments_bytes`: arguments that were cut say how large they were. */
const cutArgumentsBytes = 32;

function headBytes(call: FinishedToolCall): number {
  const mayBeCut = call.arguments_bytes === undefined && Object.keys(call.arguments).length > 0;
  return jsonBytes({ ...call, arguments: {}, result: "", truncated: true }) + 1 + (mayBeCut ? cutArgumentsBytes : 0);
}

/** The newest ones whose names and outcomes fit; all of them but for calls that no limit of today allows. */
function newestWithin(calls: readonly FinishedToolCall[], maxBytes: number): readonly FinishedToolCall[] {
  let bytes = 0;
  const first = calls.findLastIndex((call) => (bytes += headBytes(call)) > maxBytes);
  return calls.slice(first + 1);
}

/** The calls in at most `maxBytes` of JSON: name, status and duration of each, arguments and results as far as there is room. */
export function boundCalls(calls: readonly FinishedToolCall[], maxBytes: number): FinishedToolCall[] {
  if (jsonBytes(calls) <= maxBytes) return [...calls];
  const kept = newestWithin(calls, maxBytes - 2);
  let roomBytes = maxBytes - 2 - kept.reduce((sum, call) => sum + headBytes(call), 0);
  const argumentBytes = shareBytes(
    // "{}" is in the head.
    kept.map((call) => ({ bytes: jsonBytes(call.arguments) - 2 })),
    roomBytes,
  );
  roomBytes -= argumentBytes?.reduce((sum, bytes) => sum + bytes, 0) ?? 0;
  const resultBytes = shareBytes(
    kept.map((call) => ({ bytes: jsonTextBytes(call.result) })),
    roomBytes,
  );
  return kept.map((call, i) => boundCall(call, (argumentBytes?.[i] ?? 0) + 2, resultBytes?.[i] ?? 0));
}

function boundCall(call: FinishedToolCall, argumentBytes: number, resultBytes: number): FinishedToolCall {
  const isWhole = jsonTextBytes(call.result) <= resultBytes;
  const { result, truncated } =
    isWhole || resultBytes >= leastResultBytes
      ? beginningOf(call.result, resultBytes)
      : { result: "", truncated: true };
  const args = shortArguments(call.arguments, argumentBytes);
  const { arguments_bytes = jsonBytes(call.arguments) } = call;
  return {
    ...call,
    arguments: args,
    ...(args === call.arguments ? {} : { arguments_bytes }),
    result,
    ...(truncated ? { truncated } : {}),
  };
}

/** A result event that the broker takes although it took the whole one for too large. */
export function fitToolCallEnd(event: ToolCallEndEvent, maxBytes: number): ToolCallEndEvent {
  const { type, conversation_id, turn_id, ts, ...call } = event;
  const [short = { ...call, arguments: {}, result: "", truncated: true }] = boundCalls(
    [call],
    Math.max(0, maxBytes - envelopeBytes),
  );
  return { type, conversation_id, turn_id, ts, ...short };
}

/** A user's message that was accepted and that the broker no longer takes whole: its `max_payload` was lowered in between. */
export function fitMessage<M extends Pick<MessageEvent, "message">>(message: M, maxBytes: number): M {
  const excess = jsonBytes(message) + envelopeBytes - maxBytes;
  if (excess <= 0) return message;
  return { ...message, message: cutJsonText(message.message, Math.max(0, jsonTextBytes(message.message) - excess)) };
}
