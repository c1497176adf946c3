import { expect, it } from "vitest";
import { nextGrowth, nextTurnLimit, pressureOf, turnsInMemory } from "../src/turn-limit.ts";

const idle = { lagMs: 1, utilisation: 0.2 };
const busy = { lagMs: 140, utilisation: 0.9 };
const overloaded = { lagMs: 500, utilisation: 0.99 };

it.each([
  ["grows step by step", { open: 0, most: 5_000, load: idle }, 32],
  ["grows from what runs", { open: 400, most: 5_000, load: idle }, 432],
  ["stays within memory and configuration", { open: 400, most: 410, load: idle }, 410],
  ["grows slowly when it is busy", { open: 400, most: 5_000, load: busy }, 404],
  ["takes one for each that ends when it is overloaded", { open: 400, most: 5_000, load: overloaded }, 400],
  ["always lets some run", { open: 2, most: 5_000, load: overloaded }, 8],
  ["is never above the most there may be", { open: 2, most: 1, load: overloaded }, 1],
])("%s", (_name, input, limit) => {
  expect(nextTurnLimit({ growth: 32, ...input })).toBe(limit);
});

it.each([
  [
    "grows faster and faster while all that is allowed comes and costs nothing yet",
    32,
    { isFull: true, latest: idle },
    64,
  ],
  ["not without end", 256, { isFull: true, latest: idle }, 256],
  ["as ever when less came than was allowed", 256, { isFull: false, latest: idle }, 32],
  ["as ever when the loop was late a moment ago", 256, { isFull: true, latest: { lagMs: 30, utilisation: 0.2 } }, 32],
  ["as ever when it was busy a moment ago", 256, { isFull: true, latest: { lagMs: 1, utilisation: 0.8 } }, 32],
])("%s", (_name, before, seen, growth) => {
  expect(nextGrowth(before, seen)).toBe(growth);
});

it("grows no faster than a busy process may, whatever came before", () => {
  expect(nextTurnLimit({ growth: 256, open: 400, most: 5_000, load: busy })).toBe(404);
  expect(nextTurnLimit({ growth: 256, open: 400, most: 500, load: idle })).toBe(500);
});

it.each([
  [{ lagMs: 500, utilisation: 0.3 }, "none"],
  [{ lagMs: 2, utilisation: 1 }, "none"],
  [{ lagMs: 101, utilisation: 0.86 }, "busy"],
  [{ lagMs: 401, utilisation: 0.96 }, "overloaded"],
])("takes a process for busy when it is late for want of processor: %o", (load, pressure) => {
  expect(pressureOf(load)).toBe(pressure);
});

it.each([
  ["2 GB", { limitBytes: 2 * 2 ** 30, liveBytes: 0 }, 100, 5_254],
  ["256 MB", { limitBytes: 256 * 2 ** 20, liveBytes: 0 }, 100, 236],
  ["too little", { limitBytes: 64 * 2 ** 20, liveBytes: 0 }, 0, 8],
  ["nearly all of it kept", { limitBytes: 2 ** 30, liveBytes: 0.8 * 2 ** 30 }, 321, 321],
])("has room for as many turns as memory allows: %s", (_name, memory, open, turns) => {
  expect(turnsInMemory(memory, open)).toBe(turns);
});
