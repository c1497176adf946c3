import { expect, test } from "vitest";
import {
  createView,
  foldFrame,
  foldQueue,
  messages,
  queue,
  titleLine,
  type ConversationEventFrame,
  type ConversationView,
  type EventFrame,
  type SnapshotFrame,
  type WaitingTurn,
} from "@parley/protocol";

const conversation_id = "c1";
const empty = createView(conversation_id);

const title = (seq: number, text: string): ConversationEventFrame => ({
  type: "title",
  conversation_id,
  ts: 0,
  n: seq,
  title: text,
  seq,
});
const said = (seq: number, turn_id: string, message: string, changed?: number): EventFrame => ({
  type: "message",
  conversation_id,
  turn_id,
  ts: 0,
  message_id: `${turn_id}-u`,
  id: turn_id,
  author: { role: "user" },
  message,
  ...(changed === undefined ? {} : { changed }),
  seq,
});
const snapshot = (seq: number, more: Partial<SnapshotFrame>): SnapshotFrame => ({
  type: "snapshot",
  conversation_id,
  seq,
  status: "idle",
  ts: 0,
  ...more,
});
const waits = (turn_id: string, position: number, text = turn_id): WaitingTurn => ({
  turn_id,
  id: turn_id,
  author: { role: "user" },
  text,
  position,
});
const texts = (view: ConversationView): unknown[] =>
  queue(view).map(({ turn_id, position, message }) => [turn_id, position, message?.parts[0]]);

test("a title is the last one that came, and stays where a snapshot says nothing of it", () => {
  let view = foldFrame(empty, title(1, "one"));
  expect([empty.title, view.title, view.seq]).toEqual([undefined, "one", 1]);
  view = foldFrame(foldFrame(view, title(3, "two")), title(2, "late"));
  expect(view.title).toBe("two");
  view = foldFrame(view, snapshot(4, { messages: [] }));
  expect(view.title).toBe("two");
  expect(foldFrame(view, snapshot(5, { title: "three" })).title).toBe("three");
});

test("a title moves nothing else", () => {
  const view = foldFrame(empty, said(1, "t1", "hello"));
  const titled = foldFrame(view, title(2, "one"));
  expect(titled.turns).toBe(view.turns);
  expect(messages(titled)).toBe(messages(view));
});

test("titles are lines", () => {
  expect(titleLine("  one \n\t two ")).toBe("one two");
  expect(titleLine("half \ud83d")).toBe("half \ufffd");
  expect(titleLine("\u0000one\u001b[31m\u0085two\u0007")).toBe("one [31m two");
});

test("what waits is what the server said last; a snapshot of the conversation says it too", () => {
  const view = foldQueue(empty, { turns: [waits("t2", 1)] });
  expect([view.waiting, view.seq]).toEqual([[waits("t2", 1)], 0]);
  expect(foldQueue(view, { turns: [] }).waiting).toEqual([]);
  expect(foldQueue(empty, { turns: [] })).toBe(empty);
  expect(foldFrame(view, snapshot(1, { messages: [], queue: [waits("t3", 1)] })).waiting).toEqual([waits("t3", 1)]);
  expect(foldFrame(view, snapshot(1, { messages: [] })).waiting).toEqual([]);
  expect(foldFrame(view, snapshot(1, { turn_id: "t1" })).waiting).toEqual([waits("t2", 1)]);
});

test("the queue has turns of which only the server knows, in the order in which they will run", () => {
  let view = foldFrame(empty, said(1, "t3", "three"));
  view = foldQueue(view, { turns: [waits("t2", 1, "two"), waits("t3", 2, "three")] });
  expect(texts(view)).toEqual([
    ["t2", 1, { type: "text", text: "two" }],
    ["t3", 2, { type: "text", text: "three" }],
  ]);
});

test("a message that comes again has its new text, also where a snapshot had the old one", () => {
  const stored = { message_id: "t1-u", turn_id: "t1", author: { role: "user" }, status: "complete", ts: 0 };
  const before = [
    foldFrame(empty, said(1, "t1", "old")),
    foldFrame(empty, snapshot(1, { messages: [{ ...stored, message: "old" }] })),
  ];
  for (const view of before) {
    const [shown] = messages(foldFrame(view, said(2, "t1", "new", 1)));
    expect(shown?.parts).toEqual([{ type: "text", text: "new" }]);
    expect(messages(view)[0]?.parts).toEqual([{ type: "text", text: "old" }]);
  }
});
