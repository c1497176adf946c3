import { expect, it } from "vitest";
import { chargeTo, fullBucket, isFlooded, takeFrom } from "../src/admission/rate-bucket.ts";

const rate = { rate: 10, burst: 20, everyMs: 1_000 };

it("gives a burst at once, and then as much as comes in", () => {
  const bucket = fullBucket(rate, 0);
  for (let i = 0; i < 20; i++) expect(takeFrom(bucket, 1, rate, 0)).toBe(0);
  expect(takeFrom(bucket, 1, rate, 0)).toBe(100);
  expect(takeFrom(bucket, 1, rate, 99)).toBeCloseTo(1);
  expect(takeFrom(bucket, 1, rate, 100)).toBe(0);
});

it("is never fuller than the burst, however long nothing was taken", () => {
  const bucket = fullBucket(rate, 0);
  expect(takeFrom(bucket, 20, rate, 3_600_000)).toBe(0);
  expect(takeFrom(bucket, 1, rate, 3_600_000)).toBe(100);
});

it("lets pass what is larger than the burst when it is full, and has it paid for", () => {
  const bucket = fullBucket(rate, 0);
  expect(takeFrom(bucket, 50, rate, 0)).toBe(0);
  expect(takeFrom(bucket, 1, rate, 0)).toBe(3_100);
});

it("gives nothing for a clock that goes back", () => {
  const bucket = fullBucket(rate, 1_000);
  takeFrom(bucket, 20, rate, 1_000);
  expect(takeFrom(bucket, 1, rate, 0)).toBeGreaterThan(0);
});

it("counts with a rate that was lowered meanwhile", () => {
  const bucket = fullBucket(rate, 0);
  expect(takeFrom(bucket, 5, { ...rate, burst: 5 }, 0)).toBe(0);
  expect(takeFrom(bucket, 1, { ...rate, burst: 5 }, 0)).toBe(100);
});

it("says of what was refused, and taken all the same, after how long it passes", () => {
  const bucket = fullBucket(rate, 0);
  for (let i = 0; i < 20; i++) chargeTo(bucket, 1, rate, 0);
  expect(chargeTo(bucket, 1, rate, 0)).toBe(200);
  const waitMs = chargeTo(bucket, 1, rate, 0);
  expect(waitMs).toBe(300);
  expect(chargeTo(bucket, 1, rate, waitMs)).toBe(0);
});

it("sees who goes on after being told to wait, and forgives who waits", () => {
  const bucket = fullBucket(rate, 0);
  for (let i = 0; i < 39; i++) chargeTo(bucket, 1, rate, 0);
  expect(isFlooded(bucket, rate)).toBe(false);
  chargeTo(bucket, 1, rate, 0);
  expect(isFlooded(bucket, rate)).toBe(true);
  expect(chargeTo(bucket, 1, rate, 2_100)).toBe(0);
});
