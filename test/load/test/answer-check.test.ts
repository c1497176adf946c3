import { expect, test } from "vitest";
import { createAnswerCheck } from "../../../loadtest/answer-check.ts";
import { expectedAnswer } from "../../../loadtest/schedule.ts";

const expected = expectedAnswer({ tokens: 12, rate: 1 });

test("finds a whole answer right, however it is cut", () => {
  const check = createAnswerCheck(expected);
  for (const piece of expected.match(/.{1,5}/g) ?? []) expect(check.token(piece)).toBe("right");
  expect(check.end(expected)).toBe("right");
});

test("finds a lost word, once", () => {
  const check = createAnswerCheck(expected);
  expect(check.token("w0 w1 ")).toBe("right");
  expect(check.token("w3 w4 ")).toBe("gap");
  expect(check.token("w5 w6 w7 w8 w9 w10 w11")).toBe("right");
  expect(check.end(expected)).toBe("right");
});

test("finds a word that comes again, and tells w1 from w10", () => {
  const check = createAnswerCheck(expected);
  expect(check.token("w0 w1 w2 ")).toBe("right");
  expect(check.token("w1 w2 ")).toBe("repeat");
  expect(check.token("w3 ")).toBe("right");
  expect(check.token("w10 ")).toBe("gap");
});

test("finds a missing end", () => {
  const check = createAnswerCheck(expected);
  check.token("w0 w1 ");
  expect(check.end(expected)).toBe("gap");
});

test("finds another answer wrong", () => {
  const check = createAnswerCheck(expected);
  expect(check.token("Hello")).toBe("wrong");
  expect(check.end("Hello")).toBe("wrong");
});

test("lets a restarted turn go back, and a snapshot only forward", () => {
  const check = createAnswerCheck(expected);
  check.token("w0 w1 w2 ");
  expect(check.replace("w0 ", false)).toBe("gap");
  expect(check.replace("w0 w1 w2 w3 ", false)).toBe("right");
  expect(check.replace("w0 ", true)).toBe("right");
  expect(check.token("w1 ")).toBe("right");
});
