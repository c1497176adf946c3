import { expect, test } from "vitest";
import { bucketOf, createHistogram, valueOf } from "../../../loadtest/histogram.ts";

test.each([0.1, 1, 7.3, 250, 9_999])("keeps %d within two percent", (value) => {
  expect(Math.abs(valueOf(bucketOf(value)) - value) / value).toBeLessThan(0.021);
});

test("gives the percentiles of what was added", () => {
  const histogram = createHistogram();
  for (let value = 1; value <= 1_000; value++) histogram.add(value);
  expect(histogram.count()).toBe(1_000);
  expect(histogram.quantile(0.5)).toBeCloseTo(500, -2);
  expect(histogram.quantile(0.99)).toBeGreaterThan(960);
  expect(histogram.quantile(1)).toBeLessThan(1_021);
});

test("has the same percentiles when it is put together from parts", () => {
  const whole = createHistogram();
  const parts = [createHistogram(), createHistogram()];
  for (let value = 1; value <= 500; value++) {
    whole.add(value);
    parts[value % 2]?.add(value);
  }
  const merged = createHistogram();
  for (const part of parts) merged.merge(part.drain());
  expect([0.1, 0.5, 0.999].map(merged.quantile)).toEqual([0.1, 0.5, 0.999].map(whole.quantile));
});

test("is empty after it was drained", () => {
  const histogram = createHistogram();
  histogram.add(5);
  histogram.drain();
  expect(histogram.quantile(0.5)).toBeUndefined();
});
