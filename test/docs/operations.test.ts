import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { scenarios } from "../chaos/scenarios/index.ts";

const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/operations.md"), "utf8");
const faults = page.slice(page.indexOf("## Faults"), page.indexOf("## The janitor"));
const tried = [...faults.matchAll(/\| ([a-z-]+) \|$/gm)].map(([, name]) => name ?? "");

it("names for each fault a scenario that exists", () => {
  const known = scenarios.map(({ name }) => name);
  expect(tried.length).toBeGreaterThan(12);
  expect(tried.filter((name) => !known.includes(name))).toEqual([]);
});

it("has at least twenty scenarios", () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(20);
});
