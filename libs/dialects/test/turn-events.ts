import {
  encodeEvent,
  textOf,
  toolCallsOf,
  withSeq,
  type SnapshotFrame,
  type StoredEvent,
  type TurnView,
} from "@parley/protocol";
import type { VisibleEvent } from "../src/visible-event.ts";

/** Events of a turn, and what an edge makes of them. */

const conversation_id = "c_test";

export function visible(seq: number, event: StoredEvent): VisibleEvent {
  return { seq, turn: event.turn_id, type: event.type, frame: Buffer.from(withSeq(seq, encodeEvent(event))) };
}

export function snapshotOf(turn: TurnView, place: { conversation_id: string; seq: number }): SnapshotFrame {
  return {
    type: "snapshot",
    ...place,
    turn_id: turn.turn_id,
    attempt: turn.attempt,
    text: textOf(turn),
    tool_calls: toolCallsOf(turn).map(({ type: _, ...call }) => call),
    parts: [...turn.parts],
    status: turn.status === "queued" || turn.status === "waiting" ? turn.status : "running",
    ts: 1,
  };
}

function common(turn_id: string) {
  return { conversation_id, turn_id, ts: 1 };
}

export function message(turn: string): StoredEvent {
  const author = { role: "user" as const, id: "ann" };
  return { type: "message", ...common(turn), message_id: `${turn}-u`, id: `client-${turn}`, author, message: "why?" };
}

export function token(turn: string, text: string, attempt = 1): StoredEvent {
  return { type: "token", ...common(turn), attempt, n: 0, token: text };
}

export function toolEnd(turn: string, call_id: string): StoredEvent {
  const call = { call_id, tool_name: "look", arguments: {} };
  return { type: "tool_call_end", ...common(turn), ...call, status: "completed", result: "ok", duration_ms: 5 };
}

export function complete(turn: string, response: string): StoredEvent {
  return {
    type: "complete",
    ...common(turn),
    attempt: 1,
    n: 99,
    response,
    message_id: `${turn}-a`,
    tool_calls: [],
    usage: { input_tokens: 1, output_tokens: 1 },
    metadata: {},
  };
}
