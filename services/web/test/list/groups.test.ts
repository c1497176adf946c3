import { expect, test } from "vitest";
import { groupsOf } from "../../src/list/groups.ts";

const at = (day: number, hour: number) => new Date(2026, 10, day, hour).getTime();
const now = at(29, 14);
const namesOf = (...times: number[]) =>
  groupsOf(
    times.map((updated_at) => ({ updated_at })),
    now,
  ).map(({ name, items }) => [name, items.length]);

test("entries stand under the day of the calendar on which they changed", () => {
  expect(namesOf(at(29, 13), at(29, 0), at(28, 23), at(28, 0), at(27, 23), at(22, 0), at(21, 23))).toEqual([
    ["today", 2],
    ["yesterday", 2],
    ["week", 2],
    ["older", 1],
  ]);
});

test("what a server whose clock is ahead says of tomorrow is today", () => {
  expect(namesOf(at(30, 1))).toEqual([["today", 1]]);
});

test("a group without entries is not there", () => {
  expect(namesOf()).toEqual([]);
  expect(namesOf(at(1, 1))).toEqual([["older", 1]]);
});
