import { errorRowOf } from "./errors.ts";
import { isTerminal, type Outcome, type StoredEvent } from "./events.ts";
import type { ConversationId, TurnId } from "./ids.ts";
import type { ReadEvent } from "./read-event.ts";
import type { EventFrame, SnapshotFrame, ToolCallState, TranscriptMessage } from "./server-frames.ts";

/** What a viewer of a conversation has: the fold of its frames. The edge (snapshots), the clients and the checkers share it. */

export interface TurnView {
  readonly turn_id: TurnId;
  attempt: number;
  /** The answer so far. */
  text: string;
  readonly tool_calls: Map<string, ToolCallState>;
  status: "queued" | "running" | Outcome["type"];
  /** The user's message, once seen. */
  message?: Extract<StoredEvent, { type: "message" }>;
  /** How it ended, once it has. */
  outcome?: Outcome;
}

export interface ConversationView {
  readonly conversation_id: ConversationId;
  /** Cursor: sequence of the last frame folded. */
  seq: number;
  /** In the order in which they were first seen. */
  readonly turns: Map<TurnId, TurnView>;
  /** The transcript as of the last snapshot that carried one. */
  messages: readonly TranscriptMessage[];
}

export function createView(conversationId: ConversationId): ConversationView {
  return { conversation_id: conversationId, seq: 0, turns: new Map(), messages: [] };
}

export function createTurnView(turnId: TurnId): TurnView {
  return { turn_id: turnId, attempt: 1, text: "", tool_calls: new Map(), status: "queued" };
}

/** Folds one stored event into its turn. Hidden events change nothing but the status and attempt. */
export function applyEvent(turn: TurnView, event: ReadEvent): void {
  if ("attempt" in event) turn.attempt = event.attempt;
  if (isTerminal(event.type)) return applyEnd(turn, event);
  switch (event.type) {
    case "message":
      turn.message = event;
      return;
    case "token":
      turn.status = "running";
      turn.text += event.token;
      return;
    case "turn_restarted":
      turn.status = "running";
      turn.text = event.text;
      return;
    case "tool_call_start":
      turn.tool_calls.set(event.call_id, {
        call_id: event.call_id,
        tool_name: event.tool_name,
        arguments: event.arguments,
      });
      return;
    case "tool_call_end":
      turn.tool_calls.set(event.call_id, toolCallStateOf(event));
      return;
    case "claimed":
    case "thinking":
    case "progress":
      turn.status = "running";
      return;
    default:
  }
}

function toolCallStateOf(event: Extract<StoredEvent, { type: "tool_call_end" }>): ToolCallState {
  const { call_id, tool_name, arguments: args, status, result, duration_ms, truncated } = event;
  return {
    call_id,
    tool_name,
    arguments: args,
    status,
    result,
    duration_ms,
    ...(truncated === undefined ? {} : { truncated }),
  };
}

function applyEnd(turn: TurnView, event: ReadEvent): void {
  if (event.type !== "complete" && event.type !== "cancelled" && event.type !== "error") return;
  turn.status = event.type;
  turn.outcome = event;
}

function turnOf(view: ConversationView, turnId: TurnId): TurnView {
  let turn = view.turns.get(turnId);
  if (turn === undefined) view.turns.set(turnId, (turn = createTurnView(turnId)));
  return turn;
}

/**
 * Folds one frame of the conversation. Returns false, and changes nothing, for a frame the view already has (`seq` not above the cursor).
 */
export function applyFrame(view: ConversationView, frame: EventFrame | SnapshotFrame): boolean {
  if (frame.seq <= view.seq) return false;
  view.seq = frame.seq;
  if (frame.type === "snapshot") applySnapshot(view, frame);
  else applyEvent(turnOf(view, frame.turn_id), frame);
  return true;
}

function applySnapshot(view: ConversationView, frame: SnapshotFrame): void {
  if (frame.messages !== undefined) applyTranscript(view, frame.messages);
  if (frame.turn_id === undefined) return;
  const turn = turnOf(view, frame.turn_id);
  turn.attempt = frame.attempt ?? turn.attempt;
  turn.text = frame.text ?? "";
  turn.tool_calls.clear();
  for (const call of frame.tool_calls ?? []) turn.tool_calls.set(call.call_id, call);
  // Of a state that only a newer version knows, this much is sure: the turn has not ended.
  if (frame.status !== "idle") turn.status = frame.status === "queued" ? "queued" : "running";
}

/**
 * The transcript also says how turns ended whose terminal event the viewer can no longer get: without this a viewer that was away for
 * longer than events are kept would show such a turn as running for ever.
 */
function applyTranscript(view: ConversationView, messages: readonly TranscriptMessage[]): void {
  view.messages = messages;
  for (const message of messages) {
    const turn = view.turns.get(message.turn_id);
    if (turn === undefined || message.author.role !== "assistant") continue;
    turn.text = message.message;
    turn.tool_calls.clear();
    for (const call of message.tool_calls ?? []) turn.tool_calls.set(call.call_id, call);
    turn.outcome ??= outcomeOf(message);
    turn.status = turn.outcome.type;
  }
}

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
