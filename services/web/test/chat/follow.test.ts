import { expect, test } from "vitest";
import { followsAfter } from "../../src/chat/follow.ts";

const viewport = 500;
const end = { top: 1_500, height: 2_000, viewport };

test("a reader who goes up, however little, leaves the end", () => {
  expect(followsAfter(true, end, { ...end, top: 1_400 }, true)).toBe(false);
  expect(followsAfter(true, end, { ...end, top: 1_497 }, true)).toBe(false);
});

test("at the end it follows again, with what zoom leaves over", () => {
  expect(followsAfter(false, { ...end, top: 900 }, end, true)).toBe(true);
  expect(followsAfter(false, { ...end, top: 900 }, { ...end, top: 1_497.2 }, true)).toBe(true);
});

test("going down without reaching the end follows nothing", () => {
  expect(followsAfter(false, { ...end, top: 100 }, { ...end, top: 900 }, true)).toBe(false);
});

test("text that grows below does not leave the end by itself", () => {
  expect(followsAfter(true, end, { ...end, height: 2_300 }, false)).toBe(true);
});

test("a list that moves because rows above have another height stays with its end", () => {
  expect(followsAfter(true, end, { top: 1_400, height: 1_950, viewport }, false)).toBe(true);
  expect(followsAfter(true, end, { top: 1_400, height: 1_950, viewport }, true)).toBe(false);
});

test("a scroll that nobody's hand is known of, as that of a search in the page, leaves the end too", () => {
  expect(followsAfter(true, end, { ...end, top: 700 }, false)).toBe(false);
});

test("a list that became shorter than its viewport is at its end", () => {
  expect(followsAfter(true, end, { top: 0, height: 300, viewport }, true)).toBe(true);
});
