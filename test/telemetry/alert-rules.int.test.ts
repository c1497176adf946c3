import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { prometheusProgram } from "./debian-prometheus.ts";
import { alertNames, filesIn, prometheusDir, readAll } from "./observability-files.ts";

const promtool = prometheusProgram("promtool");

function run(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(promtool ?? "", args, { encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

it.skipIf(promtool === undefined)("has a configuration and rules that Prometheus accepts", () => {
  const { status, output } = run("check", "config", path.join(prometheusDir, "prometheus.yml"));
  expect(status, output).toBe(0);
});

it.skipIf(promtool === undefined)("fires each alert on figures of its fault, and not on healthy ones", () => {
  const { status, output } = run("test", "rules", ...filesIn("prometheus/tests"));
  expect(status, output).toBe(0);
});

it("has a test of both kinds for each alert", () => {
  const tests = readAll("prometheus/tests");
  const without = alertNames().filter(
    (name) => !tests.includes(`name: ${name} fires`) || !tests.includes(`name: ${name} is quiet`),
  );
  expect(without).toEqual([]);
});

it("names for each alert the section of the operator's page that says what to do", () => {
  const rules = readAll("prometheus/rules");
  const operations = readFileSync(path.resolve(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const kebab = (name: string): string => name.replace(/(?<!^)(?=[A-Z])/g, "-").toLowerCase();
  const isLinked = (name: string): boolean => rules.includes(`docs/operations.md#alert-${kebab(name)}\n`);
  const hasSection = (name: string): boolean =>
    operations.includes(`\n### Alert: ${kebab(name).replaceAll("-", " ")}\n`);
  expect(alertNames().filter((name) => !isLinked(name) || !hasSection(name))).toEqual([]);
});
