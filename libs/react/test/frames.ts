import type { EventFrame, ServerFrame, SnapshotFrame, TranscriptMessage } from "@parley/protocol";

const common = { conversation_id: "c1", ts: 0 };
const usage = { input_tokens: 1, output_tokens: 1 };

export function accepted(id: string, turn_id: string): ServerFrame {
  return { type: "accepted", id, conversation_id: "c1", turn_id, message_id: `${turn_id}-u`, position: 0 };
}

export function subscribed(seq: number): ServerFrame {
  return { type: "subscribed", conversation_id: "c1", mode: "replay", seq };
}

/** A user's message; its own id is that of the turn where none is given. */
export function said(seq: number, turn_id: string, message: string, id = turn_id): EventFrame {
  const author = { role: "user" as const };
  return { type: "message", ...common, seq, turn_id, message_id: `${turn_id}-u`, id, author, message };
}

export function token(seq: number, turn_id: string, text: string): EventFrame {
  return { type: "token", ...common, seq, turn_id, attempt: 1, n: seq, token: text };
}

export function toolCalled(seq: number, turn_id: string, call_id: string): EventFrame {
  const call = { call_id, tool_name: "k8s_list_pods", arguments: {} };
  return { type: "tool_call_start", ...common, seq, turn_id, attempt: 1, n: seq, ...call };
}

type Step = Pick<Extract<EventFrame, { type: "progress" }>, "step" | "message" | "agent">;

export function progress(seq: number, turn_id: string, step: Step, attempt = 1): EventFrame {
  return { type: "progress", ...common, seq, turn_id, attempt, n: seq, ...step };
}

export function completed(seq: number, turn_id: string, response: string): EventFrame {
  const chained = { ...common, seq, turn_id, attempt: 1, n: seq };
  return { type: "complete", ...chained, response, message_id: `${turn_id}-a`, tool_calls: [], usage, metadata: {} };
}

/** Question and answer of a turn, as the transcript has them. */
export function stored(turn_id: string): TranscriptMessage[] {
  const role = (name: "user" | "assistant") => ({ author: { role: name }, status: "complete" as const, ts: 0 });
  return [
    { message_id: `${turn_id}-u`, turn_id, message: `${turn_id}?`, ...role("user") },
    { message_id: `${turn_id}-a`, turn_id, message: `${turn_id}!`, ...role("assistant") },
  ];
}

export function snapshot(seq: number, ...turns: readonly string[]): SnapshotFrame {
  return { type: "snapshot", ...common, seq, messages: turns.flatMap(stored), status: "idle" };
}

export function refused(code: "NOT_FOUND" | "FORBIDDEN", frame: "subscribe" | "delete" | "cancel"): ServerFrame {
  return { type: "error", error: "No.", code, retryable: false, frame, conversation_id: "c1" };
}
