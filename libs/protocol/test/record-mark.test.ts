import { markedFormat, recordMark } from "@parley/protocol";
import { expect, test } from "vitest";

test.each([
  [recordMark, 2],
  ["parley.records=2", 2],
  ["Logs of team blue, parley.records=2, do not delete", 2],
  ["parley.records=3", 2],
  ["parley.records=12", 2],
  [undefined, 1],
  ["", 1],
  ["Logs of team blue", 1],
  ["parley.records=1", 1],
  ["parley.records=0", 1],
  ["parley.records=02", 1],
  ["parley.records=-2", 1],
  ["parley.records=", 1],
  ["parley.records=2000", 1],
  ["not-parley.records=2", 1],
  ["PARLEY.RECORDS=2", 1],
])("a log that is described as %j is written in format %i", (description, format) => {
  expect(markedFormat(description)).toBe(format);
});

test("is short enough for every NATS", () => {
  expect(recordMark.length).toBeLessThan(4_096);
});
