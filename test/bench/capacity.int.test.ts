import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/scaling.md"), "utf8");
const constants = readFileSync(path.join(root, "loadtest/bench/constants.json"), "utf8");
const cli = readFileSync(path.join(root, "loadtest/bench/cli.ts"), "utf8");

function capacity(...args: string[]): string {
  return execFileSync(process.execPath, [path.join(root, "scripts/capacity.mjs"), ...args], {
    encoding: "utf8",
  }).trim();
}

it("shows in docs/scaling.md what the model says now", () => {
  expect(page).toContain(capacity());
});

it("names for each measured constant a benchmark that exists", () => {
  const named = [...constants.matchAll(/npm run bench -- ([a-z-]+)/g)].map(([, name]) => name ?? "");
  expect(named.length).toBeGreaterThan(8);
  for (const name of new Set(named)) expect(cli).toMatch(new RegExp(`[[ ]${name.replace("-cpu", "Cpu")}[,\\]]`));
});

it("asks for more of everything when there are more users", () => {
  const coresFor = (users: number): number =>
    Number(/all +([\d.,]+)/.exec(capacity("--users", String(users)))?.[1]?.replaceAll(",", ""));
  expect(coresFor(100_000)).toBeGreaterThan(5 * coresFor(10_000));
});

it("refuses a workload that makes no sense", () => {
  expect(() => capacity("--users", "many")).toThrow();
});
