import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { gathered } from "../../src/app/gathered.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("news that does not end is told all the same, and its last word too", () => {
  const tell = vi.fn();
  const news = gathered(tell, 400);
  for (let ms = 0; ms < 2_000; ms += 100) {
    news.note();
    vi.advanceTimersByTime(100);
  }
  expect(tell).toHaveBeenCalledTimes(5);
  vi.advanceTimersByTime(10_000);
  expect(tell).toHaveBeenCalledTimes(6);
});

test("one piece of news is told once, and none after the end", () => {
  const tell = vi.fn();
  const news = gathered(tell, 400);
  news.note();
  vi.advanceTimersByTime(10_000);
  expect(tell).toHaveBeenCalledTimes(1);
  news.note();
  news.stop();
  vi.advanceTimersByTime(10_000);
  expect(tell).toHaveBeenCalledTimes(1);
});
