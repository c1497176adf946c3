import { expect, test } from "vitest";
import { readCommand } from "../options.ts";
import { scenarios } from "../scenarios.ts";

test("runs nothing without a name", () => {
  expect(readCommand([])).toBeUndefined();
});

test("takes from the scenario what the command does not say", () => {
  expect(readCommand(["smoke"])?.options).toMatchObject({ users: 1_200, active: 300, edges: 1 });
});

test("keeps the share of those who chat when the number of users changes", () => {
  expect(readCommand(["edge-killed", "--users", "1000"])?.options).toMatchObject({ users: 1_000, active: 500 });
});

test("counts users by rooms, where there are some", () => {
  const small = readCommand(["rooms", "--rooms", "10", "--people", "8"]);
  expect(small?.options).toMatchObject({ users: 80, rooms: 10, people: 8 });
  expect(small?.scenario.groups(small.options)).toHaveLength(10);
  expect(readCommand(["rooms"])?.options).toMatchObject({ users: 1_000 });
  expect(readCommand(["chat", "--rooms", "3"])?.options.users).toBe(200);
});

test("takes minutes for seconds", () => {
  expect(readCommand(["soak", "--minutes", "1.5"])?.options.seconds).toBe(90);
});

test.each([
  ["nothing"],
  ["chat", "idle"],
  ["chat", "--users", "0"],
  ["chat", "--users", "many"],
  ["chat", "--rate", "-1"],
])("refuses %s %s %s", (...args) => {
  expect(() => readCommand(args)).toThrow();
});

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
  "%s has as many users as it says",
  (_, scenario) => {
    const groups = scenario.groups(scenario.defaults);
    expect(groups.reduce((sum, { users = 0 }) => sum + users, 0)).toBe(scenario.defaults.users);
  },
);
