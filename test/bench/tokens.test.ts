import fc from "fast-check";
import { expect, it } from "vitest";
import { ageMs, timedToken, tokenLength } from "../../loadtest/bench/relay/timed-token.ts";
import { countInOrder, numberedToken } from "../../loadtest/bench/resume/numbered-token.ts";

const anyTime = fc.double({ min: 1_700_000_000_000, max: 1_900_000_000_000, noNaN: true });

it("reads from a text when its first token was made, to a tenth of a millisecond", () => {
  fc.assert(
    fc.property(anyTime, fc.double({ min: 0, max: 160_000, noNaN: true }), (madeAt, age) => {
      const text = timedToken(madeAt) + timedToken(madeAt + 1);
      expect(text).toHaveLength(2 * tokenLength);
      expect(Math.abs(ageMs(text, madeAt + age) - age)).toBeLessThanOrEqual(0.11);
    }),
  );
});

function textOf(numbers: readonly number[]): string {
  return numbers.map(numberedToken).join("");
}

it("counts tokens that are whole and in order", () => {
  expect(countInOrder("")).toBe(0);
  expect(countInOrder(textOf(Array.from({ length: 2_000 }, (_, n) => n)))).toBe(2_000);
});

it.each([
  ["lost", [0, 1, 3]],
  ["repeated", [0, 1, 1, 2]],
  ["out of order", [0, 2, 1]],
])("sees a token that is %s", (_, numbers) => {
  expect(countInOrder(textOf(numbers))).toBe(-1);
});

it("sees a token that was cut", () => {
  expect(countInOrder(textOf([0, 1]).slice(0, -1))).toBe(-1);
});
