import type { Outcome } from "./events.ts";
import type { TurnId } from "./ids.ts";
import { noFiles, type Files } from "./file-parts.ts";
import type { KnownPart } from "./parts.ts";
import { callPart, type Parts } from "./parts-fold.ts";
import type { TranscriptMessage } from "./transcript-message.ts";

/** How a turn ended, as its terminal event says it and as the transcript keeps it. */

const unknownUsage = { input_tokens: 0, output_tokens: 0, estimated: true };

/** How a turn ended, from what the transcript keeps of it (the reason only by its kind). */
export function outcomeOf(message: TranscriptMessage): Outcome {
  const { message: response, message_id, tool_calls = [], usage = unknownUsage } = message;
  const author = message.author.name === undefined ? {} : { author: message.author };
  const ended = { response, message_id, ...author, tool_calls, usage };
  if (message.status === "cancelled") return { type: "cancelled", ...ended, reason: "cancelled" };
  // An answer whose state only a newer version knows has a text all the same.
  if (message.status !== "error") return { type: "complete", ...ended, metadata: message.metadata ?? {} };
  const { code = "PROCESSING_ERROR", error = "The answer failed.", retryable = true } = message;
  return { type: "error", ...ended, error, code, retryable };
}

/** The answer as the transcript keeps it. */
export function answerOf(turn_id: TurnId, outcome: Outcome, ts: number): TranscriptMessage {
  const { message_id, response, author = { role: "assistant" }, tool_calls, usage, type: status } = outcome;
  return {
    message_id,
    turn_id,
    author,
    message: response,
    status,
    tool_calls,
    usage,
    ...(outcome.type === "error" ? { code: outcome.code, error: outcome.error, retryable: outcome.retryable } : {}),
    ...(outcome.type === "complete" ? { metadata: outcome.metadata } : {}),
    ts,
  };
}

/** The parts of a message of which only text, calls and files are known. Where the calls stood in the text nobody knows any more: sources, text, calls. */
export function partsOfMessage({
  message,
  tool_calls = [],
  metadata,
  files = noFiles,
}: Pick<TranscriptMessage, "message" | "tool_calls" | "metadata"> & {
  readonly files?: Files | undefined;
}): KnownPart[] {
  return [
    ...(metadata?.context?.sources ?? []).map((source) => ({ type: "source", ...source }) as const),
    ...(message === "" ? [] : [{ type: "text", text: message } as const]),
    ...tool_calls.map(callPart),
    ...files,
  ];
}

const derived = new WeakMap<TranscriptMessage, Parts>();

/** The parts of a message of the transcript, also of a record of a version without parts; always the same list for the same object. */
export function storedParts(message: TranscriptMessage): Parts {
  if (message.parts !== undefined) return message.parts;
  const parts = derived.get(message) ?? partsOfMessage(message);
  derived.set(message, parts);
  return parts;
}
