import { expect, test } from "vitest";
import { humanDuration } from "../src/durations.ts";

test.each([
  [0, "0s"],
  [119, "119s"],
  [120, "2m"],
  [185, "3m5s"],
  [599, "9m59s"],
  [3_700, "61m"],
  [3 * 3_600, "3h"],
  [3 * 3_600 + 600, "3h10m"],
  [9 * 3_600, "9h"],
  [48 * 3_600, "2d"],
  [50 * 3_600, "2d2h"],
  [9 * 86_400, "9d"],
])("prints %i seconds as %s", (seconds, text) => {
  expect(humanDuration(seconds * 1_000)).toBe(text);
});
