import path from "node:path";
import { z } from "zod";
import { readCommand, type Command } from "./options.ts";
import { describeMachine } from "./report/machine.ts";
import { writeResult } from "./report/files.ts";
import { summarise } from "./report/summary.ts";
import { headLines, terminalLines } from "./report/text.ts";
import { run } from "./run.ts";
import { scenarios } from "./scenarios.ts";

const repository = path.resolve(import.meta.dirname, "../..");

/** What scripts/load.mjs hands over. */
const Environment = z.object({
  PARLEY_K6: z.string().transform((text) => z.array(z.string()).min(1).parse(JSON.parse(text))),
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function sayUsage(): void {
  say(
    "Usage: npm run load -- <scenario> [--users N] [--active N] [--seconds S] [--minutes M] [--edges N] [--agents N]",
  );
  say("                               [--tokens N] [--rate N] [--think-ms N] [--out FOLDER]");
  say("");
  for (const { name, title, proves } of scenarios) say(`  ${name.padEnd(14)} ${title}: ${proves}`);
  say("");
  say("docs/load-testing.md says how to read what comes out.");
}

function folderOf({ scenario, out }: Command, startedAt: Date): string {
  if (out !== undefined) return path.resolve(out);
  const place = scenario.isPassing === true ? ".data/load" : "loadtest/results";
  const date = startedAt.toISOString().slice(0, 16).replace("T", "-").replace(":", "");
  return path.join(repository, place, `${date}-${scenario.name}`);
}

async function play(
  command: Command,
  k6: readonly string[],
  signal: AbortSignal,
  args: readonly string[],
): Promise<number> {
  const { scenario, options } = command;
  const startedAt = new Date();
  say(`${scenario.title}; ${options.users} users, ${options.seconds} s`);
  const result = await run({ command, k6, signal, say });
  const machine = describeMachine(result.monitor.brokers.at(-1), k6);
  const about = { scenario, options, command: ["npm run load --", ...args].join(" "), startedAt, machine };
  const first = summarise(result, about);
  const verdicts = [...first.verdicts, ...(scenario.judge?.(first) ?? [])];
  const summary = { ...first, verdicts, passed: verdicts.every(({ isGood }) => isGood) };
  const folder = folderOf(command, startedAt);
  await writeResult(folder, summary, result);
  for (const line of [...terminalLines(summary), "", ...headLines(summary)]) say(line);
  say(`Report: ${path.relative(process.cwd(), path.join(folder, "report.html"))}`);
  return summary.passed ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const command = readCommand(args);
  if (command === undefined) {
    sayUsage();
    return 0;
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  const { PARLEY_K6 } = Environment.parse(process.env);
  return play(command, PARLEY_K6, stopping.signal, args);
}

process.exit(
  await main(process.argv.slice(2)).catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }),
);
