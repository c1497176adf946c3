import { expect, it } from "vitest";
import { dialectOfFrame } from "../src/choice.ts";

it.each([
  ["A", { message: "hello" }],
  ["A", { message: "hello", conversation_id: "5b0c" }],
  ["A", { message: "" }],
  ["C", { type: "message", message: "hello" }],
  ["C", { type: "message", message: "hello", session_id: null }],
  ["C", { type: "message", message: "hello", session_id: "one", customer_id: "two" }],
  ["C", { type: "message" }],
  ["native", { type: "message", id: "1", message: "hello" }],
  ["native", { type: "message", message: "hello", on_busy: "reject" }],
  ["native", { type: "message", message: "hello", conversation_id: "c_1" }],
  ["native", { type: "subscribe", conversation_id: "c_1" }],
  ["native", { type: "unsubscribe", conversation_id: "c_1" }],
  ["native", { type: "cancel", conversation_id: "c_1" }],
  ["native", { type: "approve", conversation_id: "c_1" }],
  ["native", { type: "queue", conversation_id: "c_1", turn_id: "t", remove: true }],
  ["native", { type: "title", conversation_id: "c_1", title: "A title" }],
  ["native", { type: "feedback", conversation_id: "c_1", message_id: "t-a", rating: "up" }],
  [undefined, { type: "auth", token: "t" }],
  [undefined, { type: "ping" }],
  [undefined, { type: "something" }],
  [undefined, {}],
])("%s is the dialect of %j", (dialect, frame) => {
  expect(dialectOfFrame(frame)).toBe(dialect);
});
