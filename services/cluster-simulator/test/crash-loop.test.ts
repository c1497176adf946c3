import { expect, test } from "vitest";
import { crashLoopAt } from "../src/controllers/crash-loop.ts";

test.each([
  [0, 0, true],
  [2_999, 0, true],
  [3_000, 0, false],
  [12_999, 0, false],
  [13_000, 1, true],
  [36_000, 2, true],
  [330_000, 5, false],
  [628_000, 6, true],
  [628_000 + 303_000 * 10, 16, true],
])("after %i ms it has restarted %i times", (...[elapsedMs, restarts, running]) => {
  expect(crashLoopAt(elapsedMs)).toMatchObject({ restarts, running });
});

test("restarts never become fewer", () => {
  let last = 0;
  for (let elapsedMs = 0; elapsedMs < 2_000_000; elapsedMs += 500) {
    const { restarts } = crashLoopAt(elapsedMs);
    expect(restarts).toBeGreaterThanOrEqual(last);
    last = restarts;
  }
});
