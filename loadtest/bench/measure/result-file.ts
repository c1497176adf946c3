import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import path from "node:path";
import { natsServerVersion } from "@parley/testkit";
import type { BenchResult } from "../bench.ts";

const folder = path.resolve(import.meta.dirname, "../results");

/** What the figures were measured on: without it they say nothing. */
function machine() {
  return {
    node: process.version,
    nats: natsServerVersion(),
    processors: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    loadBefore: loadavg()[0],
  };
}

/** Writes a result beside the others of its kind; one file per day and benchmark. Returns its path from here. */
export function writeResult(name: string, result: BenchResult, args: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString();
  const file = path.join(folder, `${date.slice(0, 10)}-${name}.json`);
  const { figures, budgets } = result;
  const content = {
    name,
    date,
    command: ["npm run bench --", name, ...args].join(" "),
    machine: machine(),
    figures,
    budgets,
  };
  writeFileSync(file, `${JSON.stringify(content, undefined, 2)}\n`);
  return path.relative(process.cwd(), file);
}
