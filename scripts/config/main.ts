import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs, parseEnv } from "node:util";
import type { Environment } from "@parley/runtime";
import { configurationPage } from "./page.ts";
import { checkReport, chosenServices, printReport, unknownNames, type Report } from "./report.ts";

const usage = "Usage: npm run config -- check|print [service|all] [--env-file FILE], or npm run config -- docs";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { "env-file": { type: "string" } },
  });
  const [command = "", service, ...more] = positionals;
  if (more.length > 0) throw new Error(usage);
  return { command, service, file: values["env-file"] };
}

function readEnvFile(file: string): Environment {
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new Error(`${file} cannot be read.`, { cause });
  }
}

function writePage(): Report {
  writeFileSync(new URL("../../docs/configuration.md", import.meta.url), configurationPage());
  return { lines: ["docs/configuration.md is written"], hasProblem: false };
}

async function runCommand(args: readonly string[]): Promise<Report> {
  const { command, service, file } = readArguments(args);
  if (command === "docs") return writePage();
  const makeReport = { check: checkReport, print: printReport }[command];
  if (makeReport === undefined) throw new Error(usage);
  const env = file === undefined ? process.env : readEnvFile(file);
  const report = await makeReport(chosenServices(service), env);
  const strangers = file === undefined ? [] : unknownNames(env).map((name) => `note: no service reads ${name}.`);
  return { ...report, lines: [...report.lines, ...strangers] };
}

try {
  const { lines, hasProblem } = await runCommand(process.argv.slice(2));
  for (const line of lines) say(line);
  process.exitCode = hasProblem ? 1 : 0;
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
