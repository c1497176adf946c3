import { expect, it } from "vitest";
import { interleave, medianOf } from "../../loadtest/bench/measure/rounds.ts";
import { median, quantile, rounded } from "../../loadtest/bench/measure/statistics.ts";

it.each([
  [[], 0],
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
])("takes the middle of %j: %d", (values, expected) => {
  expect(median(values)).toBe(expected);
});

it("takes the value below which a share of the values lies", () => {
  const values = Array.from({ length: 100 }, (_, n) => 100 - n);
  expect(quantile(values, 0.5)).toBe(51);
  expect(quantile(values, 0.99)).toBe(100);
  expect(quantile([], 0.5)).toBe(0);
});

it("rounds to significant digits and never shows what is no number", () => {
  expect(rounded(123_456)).toBe(123_000);
  expect(rounded(0.012_345)).toBe(0.0123);
  expect(rounded(1 / 0)).toBe(0);
});

it("lets the sides take turns", async () => {
  const order: string[] = [];
  const runs = await interleave(["a", "b"], 2, async (side, round) => order.push(`${side}${round}`));
  expect(order).toEqual(["a1", "b1", "a2", "b2"]);
  expect(medianOf(runs.get("b"), (run) => run)).toBe(3);
});
