import {
  jsonBytes,
  limits,
  type CallId,
  type FinishedToolCall,
  type ToolArguments,
  type ToolCall,
} from "@parley/protocol";
import type { ShownTools } from "../seed/shown-tools.ts";

/** What a client has of its turn. */
export interface Shown {
  readonly text: SentText;
  readonly tools: ShownTools;
  /** Of calls whose ends have the beginnings alone; at most `turnArgumentsBytes`, for as long as the turn runs. */
  readonly longArguments: Map<CallId, ToolArguments>;
}

export function createShown(): Shown {
  return { text: createSentText(), tools: new Map(), longArguments: new Map() };
}

export function keepArguments({ longArguments }: Shown, { call_id, arguments: args }: ToolCall): void {
  if (jsonBytes(args) > limits.endedArgumentsBytes) longArguments.set(call_id, args);
}

/** The call with all its arguments, as far as the client was told of its start: its document has them at the end too, and knows no reference. */
export function withWholeArguments({ longArguments }: Shown, call: FinishedToolCall): FinishedToolCall {
  const args = call.arguments_bytes === undefined ? undefined : longArguments.get(call.call_id);
  return args === undefined ? call : { ...call, arguments: args, arguments_bytes: undefined };
}

/**
 * The text of one answer as a client has it that can only be sent more, never told to take something back (dialect A):
 *
 *     following ── the answer begins anew before the end of what was sent ──▶ repeating
 *     repeating ── the new text has repeated all that was sent ──▶ following
 *     either ── the new text says something else than what was sent ──▶ diverged
 *
 * `following`: the client has exactly the answer so far; every token is sent as it comes. `repeating`: it has more than the answer so
 * far; tokens are compared with what it has, and none is sent. `diverged`: what it has is wrong; nothing can be sent any more.
 */
export interface SentText {
  state: "following" | "repeating" | "diverged";
  /** What the client has. */
  sent: string;
  /** While repeating: how much of it the answer has repeated. */
  repeated: number;
}

export function createSentText(): SentText {
  return { state: "following", sent: "", repeated: 0 };
}

/** The answer goes on with this text. Returns what to send of it. */
export function extend(text: SentText, token: string): string {
  if (text.state === "diverged") return "";
  if (text.state === "following") {
    text.sent += token;
    return token;
  }
  const expected = text.sent.slice(text.repeated);
  if (expected.startsWith(token)) {
    text.repeated += token.length;
    if (text.repeated === text.sent.length) text.state = "following";
    return "";
  }
  if (!token.startsWith(expected)) {
    text.state = "diverged";
    return "";
  }
  const missing = token.slice(expected.length);
  text.state = "following";
  text.sent += missing;
  return missing;
}

/** The answer so far is this, whatever came before. Returns what to send of it. */
export function replace(text: SentText, whole: string): string {
  if (text.state === "diverged") return "";
  text.state = "repeating";
  text.repeated = 0;
  // Nothing was sent: then nothing is left to repeat.
  if (text.sent === "") text.state = "following";
  return extend(text, whole);
}
