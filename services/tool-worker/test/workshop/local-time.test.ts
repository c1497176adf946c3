import { expect, it } from "vitest";
import { instantOf, isDate, localOf, readDay } from "../../src/tools/workshop/local-time.ts";

const zone = "Europe/Berlin";

it.each([
  ["in winter", "2026-12-01", "08:00", "2026-12-01T07:00:00Z"],
  ["in summer", "2026-07-01", "08:00", "2026-07-01T06:00:00Z"],
  ["on the day on which summer time begins", "2027-03-28", "08:00", "2027-03-28T06:00:00Z"],
  ["on the day on which it ends", "2026-10-25", "08:00", "2026-10-25T07:00:00Z"],
  ["in the hour that comes twice", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"],
])("a time of the workshop is an instant %s", (_, date, time, instant) => {
  const ms = instantOf({ date, time }, zone);
  expect(new Date(ms).toISOString()).toBe(`${instant.slice(0, -1)}.000Z`);
  expect(localOf(ms, zone)).toEqual({ date, time });
});

it("a time that is skipped is one after the change of the clocks", () => {
  const ms = instantOf({ date: "2027-03-28", time: "02:30" }, zone);
  expect(localOf(ms, zone)).toEqual({ date: "2027-03-28", time: "03:30" });
});

it.each([
  ["2026-12-24", "2026-12-24"],
  ["today", "2026-11-30"],
  ["tomorrow", "2026-12-01"],
  ["morgen", "2026-12-01"],
  ["Monday", "2026-11-30"],
  ["next tuesday", "2026-12-01"],
  ["Sonntag", "2026-12-06"],
  ["2026-02-30", undefined],
  ["soon", undefined],
])("on Monday 2026-11-30 the day %s is %s", (text, date) => {
  expect(readDay(text, "2026-11-30")).toBe(date);
});

it("a day that is in no calendar is none", () => {
  expect(["2026-02-28", "2028-02-29", "2026-02-29", "26-1-1"].map(isDate)).toEqual([true, true, false, false]);
});
