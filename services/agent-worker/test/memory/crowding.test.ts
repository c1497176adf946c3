import { messageIdOf } from "@parley/protocol";
import { expect, test } from "vitest";
import { countToSummarise, isCrowded, mayHaveSummary } from "../../src/memory/crowding.ts";

const turn = (bytes: number) => {
  const of = (role: "user" | "assistant") => ({ turn_id: "t", message_id: messageIdOf("t", role), author: { role } });
  const common = { status: "complete", ts: 1 };
  return {
    question: { ...of("user"), ...common, message: "q" },
    answer: { ...of("assistant"), ...common, message: "x".repeat(bytes) },
  };
};
const turns = (count: number, bytes = 10) => Array.from({ length: count }, () => turn(bytes));
const bounds = { messages: 40, bytes: 100_000 };

test("a conversation is crowded at three quarters of its messages, or three fifths of its bytes", () => {
  expect(isCrowded(turns(14), bounds)).toBe(false);
  expect(isCrowded(turns(15), bounds)).toBe(true);
  expect(isCrowded(turns(5, 10_000), bounds)).toBe(false);
  expect(isCrowded(turns(6, 10_000), bounds)).toBe(true);
});

test("looks for a summary only where there may be more than was read, or than fits", () => {
  expect(mayHaveSummary(turns(19), bounds)).toBe(false);
  expect(mayHaveSummary(turns(20), bounds)).toBe(true);
  expect(mayHaveSummary(turns(7, 10_000), bounds)).toBe(true);
});

test("leaves the newest turns as they were said, and the last one in any case", () => {
  expect(countToSummarise(turns(15), bounds)).toBe(7);
  expect(countToSummarise(turns(10, 10_000), bounds)).toBe(8);
  expect(countToSummarise([turn(10), turn(1_000_000)], bounds)).toBe(1);
  expect(countToSummarise([turn(1_000_000)], bounds)).toBe(0);
  expect(countToSummarise([], bounds)).toBe(0);
});
