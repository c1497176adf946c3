import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import path from "node:path";
import { natsServerVersion } from "@parley/testkit";
import type { BenchResult } from "../bench.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
const keptFolder = path.resolve(import.meta.dirname, "../results");
const passingFolder = path.join(repository, ".data/bench");

/** What the figures were measured on: without it they say nothing. */
function machine() {
  return {
    commit: commit(),
    node: process.version,
    nats: natsServerVersion(),
    processors: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    loadAfter: loadavg()[0],
  };
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
    const hash = git("rev-parse", "--short", "HEAD");
    return git("status", "--porcelain", "--", "libs", "services", "config") === "" ? hash : `${hash} and changes`;
  } catch {
    return "unknown";
  }
}

export interface ResultOptions {
  readonly args: readonly string[];
  /** Tells results of one day apart. */
  readonly label: string | undefined;
  /** Else it goes where git does not see it. */
  readonly isKept: boolean;
}

/**
 * Writes a result beside the others of its kind, one per day, benchmark and label; with its table and drawing where there is
 * one. Returns its path from here.
 */
export function writeResult(name: string, result: BenchResult, { args, label, isKept }: ResultOptions): string {
  const folder = isKept ? keptFolder : passingFolder;
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString();
  const base = [date.slice(0, 10), name, ...(label === undefined ? [] : [label])].join("-");
  const { figures, budgets, plot } = result;
  const about = { name, date, command: ["npm run bench --", name, ...args].join(" "), machine: machine() };
  const write = (extension: string, text: string): string => {
    const file = path.join(folder, `${base}.${extension}`);
    writeFileSync(file, text);
    return path.relative(process.cwd(), file);
  };
  if (plot !== undefined) {
    const caption = captionOf(about);
    write("svg", plot(caption));
    write("md", pageOf(caption, result, `${base}.svg`));
  }
  return write("json", `${JSON.stringify({ ...about, figures, budgets }, undefined, 2)}\n`);
}

interface About {
  readonly date: string;
  readonly command: string;
  readonly machine: ReturnType<typeof machine>;
}

function captionOf({ date, command, machine: { commit: revision, node, nats, processors, processor } }: About): string {
  return `${command} · ${date.slice(0, 10)} · ${revision} · ${processors} × ${processor} · Node ${node} · ${nats}`;
}

function pageOf(caption: string, { table, notes = [] }: BenchResult, drawing: string): string {
  const [head, ...rows] = table;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const lines = head === undefined ? [] : [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)];
  return [`\`${caption}\``, lines.join("\n"), ...notes.map((note) => `* ${note}`), `![drawing](${drawing})\n`].join(
    "\n\n",
  );
}
