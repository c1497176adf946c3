import type { VisibleEvent } from "@parley/dialects";
import { EventFrame, decodeJson, encodeEvent, type StoredEvent } from "@parley/protocol";
import fc from "fast-check";
import { visibleEventOf } from "../../src/hub/visible-event.ts";

/** Conversations for the tests of folding and catching up. */

export const conversation = "c_test";

const usage = { input_tokens: 1, output_tokens: 1 };

export function visible(seq: number, event: StoredEvent, offset = 0): VisibleEvent {
  const message = { subject: "", seq, previous: 0, data: encodeEvent(event) };
  const made = visibleEventOf(message, event.turn_id, offset);
  if (made === undefined) throw new Error(`${event.type} is not visible`);
  return made;
}

function common(turn: string, conversation_id = conversation) {
  return { conversation_id, turn_id: turn, ts: 1 };
}

export function message(turn: string, text = `question of ${turn}`, conversation_id = conversation): StoredEvent {
  return {
    type: "message",
    ...common(turn, conversation_id),
    message_id: `${turn}-u`,
    id: `client-${turn}`,
    author: { role: "user", id: "ann" },
    message: text,
  };
}

export function token(turn: string, text: string, attempt = 1, n = 0): StoredEvent {
  return { type: "token", ...common(turn), attempt, n, token: text };
}

export function reasoning(turn: string, text: string, attempt = 1): StoredEvent {
  return { type: "reasoning", ...common(turn), attempt, n: 0, token: text };
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
    usage,
    metadata: {},
  };
}

export function toolStart(turn: string, call: string): StoredEvent {
  return {
    type: "tool_call_start",
    ...common(turn),
    attempt: 1,
    n: 0,
    call_id: call,
    tool_name: "look",
    arguments: {},
  };
}

export function toolEnd(turn: string, call: string, result = "ok"): StoredEvent {
  return {
    type: "tool_call_end",
    ...common(turn),
    call_id: call,
    tool_name: "look",
    arguments: {},
    status: "completed",
    result,
    duration_ms: 5,
  };
}

export function asked(turn: string, call: string): StoredEvent {
  const about = { call_id: call, tool_name: "look", arguments: {}, summary: `Looks for ${call}.`, expires_at: 99 };
  return { type: "approval_required", ...common(turn), ...about };
}

export function decided(turn: string, call: string, approved = true): StoredEvent {
  return { type: "approval_decided", ...common(turn), call_id: call, approved, by: { id: "ann" } };
}

type Deed = { readonly kind: number; readonly turn: number; readonly text: string; readonly gap: number };

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.nat(12),
  turn: fc.nat(3),
  text: fc.string({ maxLength: 6 }),
  gap: fc.integer({ min: 1, max: 3 }),
});

interface TurnState {
  begun: boolean;
  /** The agent has said something. */
  chained: boolean;
  ended: boolean;
}

/** What the turn does next, given what it has done. Turns begin with their message and end once; tools may report after the end. */
function eventOf({ kind, text }: Deed, turn: string, state: TurnState): StoredEvent {
  // What is kept of an answer begins with its first attempt.
  const chained = { ...common(turn), attempt: state.chained ? 1 + (kind % 2) : 1, n: 0 };
  if (!state.begun) return message(turn, text);
  if (state.ended) return toolEnd(turn, "late", text);
  switch (kind) {
    case 0:
      return complete(turn, text);
    case 1:
      return { type: "turn_restarted", ...chained, text };
    case 2:
      return { type: "tool_call_start", ...chained, call_id: `k${text.length}`, tool_name: "look", arguments: {} };
    case 3:
      return toolEnd(turn, `k${text.length}`, text);
    case 4:
      return { type: "progress", ...chained, step: "rag_retrieval", message: text, sources: [{ title: text }] };
    case 5:
      return reasoning(turn, text, chained.attempt);
    case 8:
      return { type: "waiting", ...chained, for: "approval", until: 99 };
    default:
      return approvalOf(kind, turn, text) ?? token(turn, text, chained.attempt);
  }
}

function approvalOf(kind: number, turn: string, text: string): StoredEvent | undefined {
  const call = `k${text.length}`;
  if (kind === 6) return asked(turn, call);
  return kind === 7 ? decided(turn, call, text.length % 2 === 0) : undefined;
}

/** Any history of up to four turns of one conversation, interleaved in any way. */
export const histories: fc.Arbitrary<VisibleEvent[]> = fc.array(deed, { maxLength: 60 }).map((deeds) => {
  const states = new Map<string, TurnState>();
  let seq = 0;
  return deeds.map((one) => {
    const turn = `t${one.turn}`;
    const state = states.get(turn) ?? { begun: false, chained: false, ended: false };
    states.set(turn, state);
    const event = eventOf(one, turn, state);
    state.begun = true;
    state.chained ||= "attempt" in event;
    if (event.type === "complete") state.ended = true;
    seq += one.gap;
    return visible(seq, event);
  });
});

/** The event as the viewer's frame. */
export function frameOf({ frame }: VisibleEvent): EventFrame {
  return decodeJson(EventFrame, frame);
}
