import { expect, test } from "vitest";
import {
  createView,
  foldFrame,
  messages,
  pendingApprovals,
  queue,
  textOf,
  toolCallsOf,
  turn,
  type ConversationView,
  type EventFrame,
  type SnapshotFrame,
} from "@parley/protocol";

const conversation_id = "c1";
const common = { conversation_id, ts: 0 };
const usage = { input_tokens: 1, output_tokens: 1 };

function said(seq: number, turn_id: string): EventFrame {
  const author = { role: "user" as const };
  const message = `question of ${turn_id}`;
  return { type: "message", ...common, seq, turn_id, message_id: `${turn_id}-u`, id: turn_id, author, message };
}

function token(seq: number, turn_id: string, text: string): EventFrame {
  return { type: "token", ...common, seq, turn_id, attempt: 1, n: seq, token: text };
}

function completed(seq: number, turn_id: string, response: string): EventFrame {
  const chained = { ...common, seq, turn_id, attempt: 1, n: seq };
  return { type: "complete", ...chained, response, message_id: `${turn_id}-a`, tool_calls: [], usage, metadata: {} };
}

function whole(seq: number, ...turns: readonly string[]): SnapshotFrame {
  const stored = turns.flatMap((text) => {
    const turn_id = text.slice(0, 2);
    const role = text.endsWith("?") ? ("user" as const) : ("assistant" as const);
    const message_id = `${turn_id}-${role === "user" ? "u" : "a"}`;
    return { message_id, turn_id, author: { role }, message: text, status: "complete" as const, ts: 0 };
  });
  return { type: "snapshot", ...common, seq, messages: stored, status: "idle" };
}

const folded = (...frames: readonly (EventFrame | SnapshotFrame)[]): ConversationView =>
  frames.reduce(foldFrame, createView(conversation_id));

const shown = (view: ConversationView): string[] => messages(view).map(({ parts }) => textOf(parts));

test("messages are the transcript's and those of turns that it does not have, question before answer", () => {
  const view = folded(whole(5, "t1?", "t1!", "t2?"), token(6, "t2", "so"), said(7, "t3"));
  expect(shown(view)).toEqual(["t1?", "t1!", "t2?", "so", "question of t3"]);
  expect(messages(view).map(({ status }) => status)).toEqual([
    ...["complete", "complete", "complete"],
    "running",
    "complete",
  ]);
});

test("messages that are older than the transcript's tail stand before it", () => {
  const first = [said(1, "t1"), completed(2, "t1", "one"), said(3, "t2"), completed(4, "t2", "t2!")];
  const view = folded(...first, whole(9, "t2!", "t3?", "t3!"), said(10, "t4"));
  expect(shown(view)).toEqual(["question of t1", "one", "question of t2", "t2!", "t3?", "t3!", "question of t4"]);
});

test("an answer says how it ended, whether that came as an event or with the transcript", () => {
  const view = folded(whole(5, "t1?", "t1!"), said(6, "t2"), completed(7, "t2", ""));
  expect(messages(view).map(({ outcome }) => outcome?.response)).toEqual([undefined, "t1!", undefined, ""]);
});

test("turns that have not begun wait, each with its place", () => {
  const view = folded(whole(5, "t1?", "t1!", "t2?", "t3?"), token(6, "t2", "so"), said(7, "t4"));
  expect(queue(view).map(({ turn_id, position, message }) => [turn_id, position, textOf(message ?? [])])).toEqual([
    ["t3", 1, "t3?"],
    ["t4", 2, "question of t4"],
  ]);
  expect(queue(folded(said(1, "t1"), completed(2, "t1", "")))).toEqual([]);
});

test("one turn, its text and its calls are looked up by the view", () => {
  const call = { call_id: "k", tool_name: "look", arguments: {} };
  const start: EventFrame = { type: "tool_call_start", ...common, ...call, seq: 3, turn_id: "t1", attempt: 1, n: 3 };
  const view = folded(said(1, "t1"), token(2, "t1", "a"), start, token(4, "t1", "b"));
  expect(textOf(turn(view, "t1") ?? [])).toBe("ab");
  expect(toolCallsOf(turn(view, "t1") ?? [])).toEqual([{ type: "tool_call", ...call }]);
  expect(turn(view, "t2")).toBeUndefined();
  expect(pendingApprovals(view)).toEqual([]);
});

test("an answer that begins before a message that came earlier moves all that stands behind it", () => {
  let view = folded(said(1, "t1"), said(2, "t2"));
  expect(shown(view)).toEqual(["question of t1", "question of t2"]);
  view = foldFrame(view, token(3, "t1", "one"));
  expect(shown(view)).toEqual(["question of t1", "one", "question of t2"]);
  view = foldFrame(view, said(4, "t2"));
  expect(shown(view)).toEqual(["question of t1", "one", "question of t2"]);
});
