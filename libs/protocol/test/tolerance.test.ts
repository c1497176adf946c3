import fc from "fast-check";
import { expect, test } from "vitest";
import {
  LogRecord,
  SnapshotFrame,
  StoredEvent,
  chatErrorOf,
  createTurnView,
  createView,
  decodeEvent,
  encodeEvent,
  foldEvent,
  foldFrame,
  isVisible,
  turn as turnIn,
  unreadableEvent,
} from "@parley/protocol";
import { arbitraryOf } from "./arbitraries.ts";

// What readers must live with: docs/adr/0013.

const anyEvent = arbitraryOf(StoredEvent).map((value) => StoredEvent.parse(value));
const place = { conversation_id: "c", turn_id: "t", ts: 1 };

/** The bytes of an event after something has happened to them. */
const damaged = fc
  .tuple(anyEvent, fc.nat(), fc.uint8Array({ maxLength: 8 }), fc.boolean())
  .map(([event, at, bytes, isCut]) => {
    const data = encodeEvent(event);
    const from = at % (data.length + 1);
    return Buffer.concat([data.subarray(0, from), bytes, isCut ? Buffer.of() : data.subarray(from + bytes.length)]);
  });

test("no stored bytes make the decoder throw", () => {
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (data) => {
      const event = decodeEvent(data);
      const turn = createTurnView("t");
      const folded = foldEvent(turn, event);
      expect(event !== unreadableEvent || folded === turn).toBe(true);
    }),
  );
});

test.each([
  ["an event without a turn", { type: "title", conversation_id: "c", ts: 1, title: "Pods" }],
  ["a known type with a field of another shape", { type: "token", ...place, attempt: 1, n: 1, token: { text: "a" } }],
  ["no object", [1, 2]],
])("%s folds to nothing", (_what, value) => {
  expect(decodeEvent(Buffer.from(JSON.stringify(value)))).toBe(unreadableEvent);
});

test("types that a newer version hides begin with an underscore", () => {
  expect(isVisible("_mark")).toBe(false);
  expect(isVisible("reaction")).toBe(true);
});

const ended = { message_id: "t-a", usage: { input_tokens: 1, output_tokens: 1 }, response: "Hello" };
const chained = { ...place, attempt: 1, n: 3 };

test("an unknown status of a call is kept as it is", () => {
  const call = { call_id: "t-0-0", tool_name: "pods", arguments: {}, status: "unknown", result: "?", duration_ms: 1 };
  const event = decodeEvent(Buffer.from(JSON.stringify({ type: "tool_call_end", ...place, ...call })));
  expect(foldEvent(createTurnView("t"), event).parts).toEqual([{ type: "tool_call", ...call }]);
});

test("an unknown code ends a turn with its own sentence, and becomes an error with it", () => {
  const end = {
    type: "error",
    ...chained,
    ...ended,
    tool_calls: [],
    error: "Too dear.",
    code: "BUDGET",
    retryable: false,
  };
  const turn = foldEvent(createTurnView("t"), decodeEvent(Buffer.from(JSON.stringify(end))));
  expect(turn.outcome).toMatchObject({ type: "error", code: "BUDGET", error: "Too dear." });
  expect(chatErrorOf(end)).toMatchObject({ code: "PROCESSING_ERROR", message: "Too dear.", retryable: false });
});

test("a snapshot of a turn in an unknown state is of one that has not ended", () => {
  const frame = {
    type: "snapshot",
    conversation_id: "c",
    seq: 5,
    turn_id: "t",
    text: "Hel",
    status: "pondering",
    ts: 1,
  };
  const view = foldFrame(createView("c"), SnapshotFrame.parse(frame));
  expect(turnIn(view, "t")).toMatchObject({ status: "running", parts: [{ type: "text", text: "Hel" }] });
});

test("a transcript with unknown states, roles and codes is folded as far as it is known", () => {
  const message = { turn_id: "t", ts: 1, message: "Hello" };
  const answer = { ...message, message_id: "t-a", author: { role: "assistant" }, status: "paused" };
  const other = { ...message, message_id: "t-n", author: { role: "system" }, status: "noted", code: "NOTE" };
  const frame = { type: "snapshot", conversation_id: "c", seq: 5, messages: [answer, other], status: "idle", ts: 1 };
  const view = foldFrame(createView("c", ["t"]), SnapshotFrame.parse(frame));
  expect(view.transcript).toEqual([answer, other]);
  expect(turnIn(view, "t")).toMatchObject({ status: "complete", parts: [{ type: "text", text: "Hello" }] });
});

test("a record of a newer version is read as far as it is known", () => {
  const record = { conversation_id: "c", prev: 4, message_id: "m", turn_id: "t", author: { role: "tool" } };
  const read = LogRecord.parse({ v: 2, ...record, message: "x", status: "complete", ts: 1, parts: [{ type: "text" }] });
  expect(read).toMatchObject({ v: 2, prev: 4, message: "x" });
});
