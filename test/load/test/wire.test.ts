import { ClientFrame, EventFrame, nativeSubprotocol, ServerFrame, SnapshotFrame } from "@parley/protocol";
import { expect, test } from "vitest";
import {
  authFrame,
  endsTurn,
  handshakeHeaders,
  messageFrame,
  pingFrame,
  reactFrame,
  readFrame,
  readMarkFrame,
  subscribeFrame,
  typingFrame,
  unsubscribeFrame,
} from "../../../loadtest/wire.ts";

const event = { conversation_id: "c1", turn_id: "t1", ts: 1_700_000_000_000, attempt: 1, n: 4, seq: 77 };
const end = { message_id: "t1-a", tool_calls: [], usage: { input_tokens: 1, output_tokens: 2 } };

test("speaks the subprotocol of the native dialect", () => {
  expect(handshakeHeaders["Sec-WebSocket-Protocol"]).toBe(nativeSubprotocol);
});

test.each([
  authFrame("a.b.c"),
  authFrame("a.b.c", ["posts"]),
  typingFrame("c1"),
  readMarkFrame("c1", "t1-u"),
  reactFrame("r1", "c1", "t1-u"),
  messageFrame({ id: "m1", conversation: "c1", text: "Hello" }),
  subscribeFrame("c1", 0),
  subscribeFrame("c1", 77),
  unsubscribeFrame("c1"),
  pingFrame(),
])("sends what the protocol knows, and nothing it would ignore: %s", (text) => {
  const sent: unknown = JSON.parse(text);
  expect(ClientFrame.parse(sent)).toMatchObject(sent as object);
  expect(Object.keys(ClientFrame.parse(sent))).toEqual(expect.arrayContaining(Object.keys(sent as object)));
});

test("subscribes without a cursor when it has none", () => {
  expect(ClientFrame.parse(JSON.parse(subscribeFrame("c1", 0)))).not.toHaveProperty("after");
});

test.each([
  [
    { ...event, type: "token", token: "w0 " },
    { text: "w0 ", writtenMs: event.ts },
  ],
  [{ ...event, type: "turn_restarted", text: "w0" }, { text: "w0" }],
  [{ ...event, type: "complete", response: "w0 w1", metadata: {}, ...end }, { text: "w0 w1" }],
  [{ ...event, type: "cancelled", response: "w0", reason: "r", ...end }, { text: "w0" }],
  [
    { ...event, type: "error", error: "No.", code: "WORKER_LOST", retryable: true, response: "", ...end },
    { code: "WORKER_LOST" },
  ],
  [{ ...event, type: "tool_call_start", call_id: "k1", tool_name: "demo_sleep", arguments: {} }, { call: "k1" }],
  [
    {
      ...{ ...event, type: "tool_call_end", call_id: "k1", tool_name: "demo_sleep", arguments: {} },
      ...{ status: "completed", result: "r", duration_ms: 200 },
    },
    { call: "k1", status: "completed", durationMs: 200 },
  ],
])("reads an event as the protocol defines it: %o", (sent, expected) => {
  const frame = readFrame(JSON.stringify(EventFrame.parse(sent)));
  expect(frame).toMatchObject({ type: sent.type, seq: 77, conversation: "c1", turn: "t1", ...expected });
  expect(endsTurn(frame.type)).toBe(["complete", "cancelled", "error"].includes(sent.type));
});

test("reads a snapshot: the running turn, and the answers that are stored", () => {
  const answer = {
    message_id: "t0-a",
    turn_id: "t0",
    author: { role: "assistant" },
    message: "w0",
    status: "complete",
  };
  const question = { ...answer, message_id: "t0-u", author: { role: "user" } };
  const snapshot = SnapshotFrame.parse({
    ...{ type: "snapshot", conversation_id: "c1", seq: 9, ts: 1, status: "running", turn_id: "t1", text: "w0 w1" },
    messages: [
      { ...question, ts: 1 },
      { ...answer, ts: 2 },
    ],
  });
  expect(readFrame(JSON.stringify(snapshot))).toMatchObject({
    ...{ type: "snapshot", seq: 9, turn: "t1", status: "running", text: "w0 w1" },
    answers: [{ turn: "t0", status: "complete", text: "w0" }],
  });
});

test("reads what somebody says to the others, and by which id they sent it", () => {
  const frame = ServerFrame.parse({
    ...{ conversation_id: "c1", turn_id: "t1", ts: 1, seq: 77, type: "post", message_id: "t1-u", id: "m1" },
    ...{ author: { role: "user", id: "ann" }, message: "To all", after: null, n: 1 },
  });
  expect(readFrame(JSON.stringify(frame))).toMatchObject({ type: "post", seq: 77, id: "m1", message: "t1-u" });
});

test("takes the cursor of `subscribed` for no event", () => {
  const frame = ServerFrame.parse({ type: "subscribed", conversation_id: "c1", mode: "replay", seq: 5 });
  expect(readFrame(JSON.stringify(frame)).seq).toBe(0);
});

test("tells a refused frame, which names no turn, from a turn that failed", () => {
  const frame = ServerFrame.parse({ type: "error", error: "Wait.", code: "QUEUE_FULL", retryable: true });
  expect(readFrame(JSON.stringify(frame))).toMatchObject({ turn: "", code: "QUEUE_FULL" });
});
