import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createBatches } from "../src/transport/batches.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("does to many a few at a time, in their order, the first at once", () => {
  const done: number[] = [];
  const batches = createBatches<number>((item) => void done.push(item), { size: 3, everyMs: 50 });
  batches.add([1, 2, 3, 4, 5, 6, 7]);
  expect(done).toEqual([1, 2, 3]);
  vi.advanceTimersByTime(50);
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  vi.advanceTimersByTime(1_000);
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it("does once what is added again before its turn, and again what is added after it", () => {
  const done: number[] = [];
  const batches = createBatches<number>((item) => void done.push(item), { size: 2, everyMs: 50 });
  batches.add([1, 2, 3]);
  batches.add([3, 1]);
  vi.advanceTimersByTime(1_000);
  expect(done).toEqual([1, 2, 3, 1]);
});

it("does nothing more once it has stopped", () => {
  const done: number[] = [];
  const batches = createBatches<number>((item) => void done.push(item), { size: 1 });
  batches.add([1, 2]);
  batches.stop();
  vi.advanceTimersByTime(1_000);
  expect([done, vi.getTimerCount()]).toEqual([[1], 0]);
});
