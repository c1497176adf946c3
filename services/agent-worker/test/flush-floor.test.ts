import { expect, it } from "vitest";
import { flushFloorMs, readHoldMs } from "../src/flush-floor.ts";

it.each([
  ["idle", { lagMs: 0, utilisation: 0 }, 0, 10],
  ["one turn", { lagMs: 1, utilisation: 0.05 }, 1, 10],
  ["some turns", { lagMs: 2, utilisation: 0.3 }, 85, 55],
  ["many turns", { lagMs: 2, utilisation: 0.3 }, 150, 100],
  ["no processor to spare", { lagMs: 2, utilisation: 0.9 }, 10, 100],
  ["half of the processor", { lagMs: 2, utilisation: 0.625 }, 10, 55],
  ["a late event loop", { lagMs: 80, utilisation: 0.2 }, 1, 100],
])("is between 10 and 100 ms: %s", (_name, load, openTurns, floorMs) => {
  expect(flushFloorMs(load, openTurns)).toBe(floorMs);
});

it("a model is read as it comes while its text is written often, and seldom when that waits anyway", () => {
  expect([10, 19, 20, 100].map(readHoldMs)).toEqual([0, 0, 20, 100]);
});
