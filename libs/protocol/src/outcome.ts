import { errorRowOf } from "./error-table.ts";
import type { Outcome } from "./events.ts";
import type { TurnId } from "./ids.ts";
import { callPart, type Parts } from "./parts-fold.ts";
import type { TranscriptMessage } from "./server-frames.ts";

/** How a turn ended, as its terminal event says it and as the transcript keeps it. */

/** How a turn ended, from what the transcript keeps of it (the reason or sentence only by its kind). */
export function outcomeOf(message: TranscriptMessage): Outcome {
  const ended = {
    response: message.message,
    message_id: message.message_id,
    tool_calls: message.tool_calls ?? [],
    usage: message.usage ?? { input_tokens: 0, output_tokens: 0, estimated: true },
  };
  if (message.status === "cancelled") return { type: "cancelled", ...ended, reason: "cancelled" };
  // An answer whose state only a newer version knows has a text all the same.
  if (message.status !== "error") return { type: "complete", ...ended, metadata: message.metadata ?? {} };
  const code = message.code ?? "PROCESSING_ERROR";
  const { sentence, retryable } = errorRowOf(code);
  return { type: "error", ...ended, error: sentence, code, retryable: message.retryable ?? retryable };
}

/** The answer as the transcript keeps it. */
export function answerOf(turn_id: TurnId, outcome: Outcome, ts: number): TranscriptMessage {
  const { message_id, response, tool_calls, usage, type: status } = outcome;
  return {
    message_id,
    turn_id,
    author: { role: "assistant" },
    message: response,
    status,
    tool_calls,
    usage,
    ...(outcome.type === "error" ? { code: outcome.code } : {}),
    ...(outcome.type === "complete" ? { metadata: outcome.metadata } : {}),
    ts,
  };
}

const derived = new WeakMap<TranscriptMessage, Parts>();

/**
 * The parts of a message of the transcript; always the same list for the same object. Records of a version without parts do not say where calls stood
 * in the text: sources, text, calls.
 */
export function storedParts(message: TranscriptMessage): Parts {
  if (message.parts !== undefined) return message.parts;
  const known = derived.get(message);
  if (known !== undefined) return known;
  const { message: text, metadata, tool_calls = [] } = message;
  const parts: Parts = [
    ...(metadata?.context?.sources ?? []).map((source) => ({ type: "source", ...source }) as const),
    ...(text === "" ? [] : [{ type: "text", text } as const]),
    ...tool_calls.map(callPart),
  ];
  derived.set(message, parts);
  return parts;
}
