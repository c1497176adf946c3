import { expect, test } from "vitest";
import { endedAnswers, lastSeen, unreadAnswers } from "../../src/embed/unread.ts";

const asked = (message_id: string) => ({ message_id, author: { role: "user" }, status: "complete" });
const answered = (message_id: string, status = "complete") => ({ message_id, author: { role: "assistant" }, status });
const idsOf = (messages: readonly { readonly message_id: string }[]) => messages.map(({ message_id }) => message_id);

const messages = [
  asked("q1"),
  answered("a1"),
  asked("q2"),
  answered("a2", "failed"),
  asked("q3"),
  answered("a3", "running"),
];

test.each([
  ["a2", []],
  ["q2", ["a2"]],
  ["q1", ["a1", "a2"]],
  // Older than all that is at hand.
  ["q0", ["a1", "a2"]],
  [undefined, []],
])("after %s the answers %j are unread", (seen, unread) => {
  expect(idsOf(unreadAnswers(messages, seen))).toEqual(unread);
});

test("an answer that is being written, or waits for a person, is not the last that was seen", () => {
  expect(lastSeen(messages)).toBe("q3");
  expect(lastSeen([asked("q1"), answered("a1", "waiting")])).toBe("q1");
  expect(lastSeen([asked("q1"), answered("a1", "cancelled")])).toBe("a1");
  expect(lastSeen([])).toBeUndefined();
});

test("an answer has ended however it ended", () => {
  expect(idsOf(endedAnswers(messages))).toEqual(["a1", "a2"]);
});
