import { expect, test } from "vitest";
import {
  expectedAnswer,
  questionFor,
  scheduledGapMs,
  scheduledMs,
  shareOf,
  wordsIn,
} from "../../../loadtest/schedule.ts";

test("expects the numbered words of the simulated model", () => {
  expect(expectedAnswer({ tokens: 3, rate: 10 })).toBe("w0 w1 w2");
  expect(wordsIn("w1 w2 ")).toBe(2);
});

test("asks the simulator for exactly that", () => {
  expect(questionFor({ tokens: 3, rate: 10 })).toContain("/sim tokens=3 rate=10");
});

test("counts the model's time from its first word, which comes at once", () => {
  expect(scheduledMs(1, { tokens: 9, rate: 10 })).toBe(0);
  expect(scheduledMs(11, { tokens: 11, rate: 10 })).toBe(1_000);
  expect(scheduledGapMs(2, { tokens: 9, rate: 10 })).toBe(200);
});

test("gives a model without a rate no time", () => {
  expect(scheduledMs(100, { tokens: 100, rate: 0 })).toBe(0);
  expect(scheduledGapMs(5, { tokens: 100, rate: 0 })).toBe(0);
});

test("never makes a share negative", () => {
  expect(shareOf(95, 100)).toBe(0);
  expect(shareOf(130, 100)).toBe(30);
});
