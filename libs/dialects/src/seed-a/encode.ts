import { errorTable, textOf, type FrameError, type Outcome, type StoredEvent, type TurnView } from "@parley/protocol";
import type { Encodable } from "../seed/dialect.ts";
import { cutOf, seedToolCall } from "../seed/encode.ts";
import { missingToolFrames, noteToolEvent, type ToolFrame } from "../seed/shown-tools.ts";
import type { Asked, AskedTurn } from "../seed/state.ts";
import { extend, keepArguments, replace, withWholeArguments, type SentText, type Shown } from "./state.ts";

export function event(turn: AskedTurn<Shown>, stored: StoredEvent): Encodable[] {
  const { state } = turn;
  switch (stored.type) {
    case "thinking":
      return [{ type: "thinking", data: { message: stored.message, conversation_id: idOf(turn) } }];
    case "token":
      return textFrames(turn, extend(state.text, stored.token));
    case "turn_restarted":
      return textFrames(turn, replace(state.text, stored.text));
    case "tool_call_start":
    case "tool_call_end":
    case "approval_required":
    case "approval_decided":
      noteToolEvent(state.tools, stored);
      return toolFrames(turn, stored);
    case "complete":
    case "cancelled":
    case "error":
      return ending(turn, stored);
    default:
      return [];
  }
}

function idOf({ session, made, conversation }: AskedTurn<Shown>): string {
  return session ?? made ?? conversation;
}

function textFrames(turn: AskedTurn<Shown>, text: string): Encodable[] {
  if (turn.state.text.state === "diverged") return [errorFrame(turn, "WORKER_LOST", errorTable.WORKER_LOST.sentence)];
  return text === "" ? [] : [{ type: "text", data: { text, conversation_id: idOf(turn) } }];
}

function errorFrame(turn: AskedTurn<Shown>, code: string, error: string): Encodable {
  return { type: "error", data: { error, code, conversation_id: idOf(turn) } };
}

function toolFrames(turn: AskedTurn<Shown>, call: ToolFrame): Encodable[] {
  const conversation_id = idOf(turn);
  switch (call.type) {
    case "tool_call_start": {
      const { call_id, tool_name, arguments: args } = call;
      keepArguments(turn.state, call);
      return [{ type: call.type, data: { tool_name, arguments: args, call_id, conversation_id } }];
    }
    case "tool_call_end":
      return [{ type: call.type, data: { ...seedToolCall(withWholeArguments(turn.state, call)), conversation_id } }];
    case "approval_required":
      // Its clients have no word for it, and nobody can decide there: it is said what is waited for.
      return [{ type: "thinking", data: { message: `Waits for agreement: ${call.summary}`, conversation_id } }];
    case "approval_decided":
      return [];
  }
}

/** A cancelled answer ends as a complete one, with the text so far. */
function ending(turn: AskedTurn<Shown>, outcome: Outcome): Encodable[] {
  if (outcome.type === "error") return [errorFrame(turn, outcome.code, outcome.error)];
  const missing = outcome.type === "complete" ? textFrames(turn, upTo(turn.state.text, outcome.response)) : [];
  if (turn.state.text.state === "diverged") return missing;
  const { response: message, tool_calls } = outcome;
  const calls = tool_calls.map((call) => seedToolCall(withWholeArguments(turn.state, call)));
  const data = { message, tool_calls: calls, conversation_id: idOf(turn) };
  const why = outcome.type === "cancelled" ? { cancelled: true } : cutOf(outcome.metadata);
  return [...missing, { type: "complete", data: { ...data, ...why } }];
}

/** An answer that ends before it has repeated what the client has is another one than the client has. */
function upTo(text: SentText, response: string): string {
  if (text.state === "following" && text.sent.length === response.length) return "";
  const missing = replace(text, response);
  if (text.state === "repeating") text.state = "diverged";
  return missing;
}

/** One text with all that is missing. */
export function catchUp(turn: AskedTurn<Shown>, view: TurnView): Encodable[] {
  const tools = missingToolFrames(turn.state.tools, view).flatMap((frame) => toolFrames(turn, frame));
  return [...tools, ...textFrames(turn, replace(turn.state.text, textOf(view)))];
}

export function refusal({ error, code, retry_after_ms }: FrameError, asked: Asked<Shown> | undefined): Encodable {
  const place = asked?.session === undefined ? {} : { conversation_id: asked.session };
  const retry = retry_after_ms === undefined ? {} : { retry_after_ms };
  return { type: "error", data: { error, code, ...retry, ...place } };
}
