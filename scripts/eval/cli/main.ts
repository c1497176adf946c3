import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { copyResults } from "./documents.ts";
import { createReport, tableLines, type Reported } from "./report.ts";
import type { Evaluation } from "./evaluation.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const modules = path.join(root, "scripts/eval");

const say = (line = ""): void => void process.stdout.write(`${line}\n`);

function isEvaluation(value: unknown): value is Evaluation {
  return typeof value === "object" && value !== null && "run" in value && "name" in value && "about" in value;
}

/** In the order of their names. */
async function findEvaluations(): Promise<Evaluation[]> {
  const files = readdirSync(modules).filter((name) => /\.(?:ts|mjs)$/.test(name));
  const found: Evaluation[] = [];
  for (const file of files.toSorted()) {
    const loaded: unknown = await import(pathToFileURL(path.join(modules, file)).href);
    const evaluation: unknown =
      typeof loaded === "object" && loaded !== null && "evaluation" in loaded ? loaded.evaluation : undefined;
    if (!isEvaluation(evaluation)) throw new Error(`scripts/eval/${file} exports no evaluation.`);
    found.push(evaluation);
  }
  return found;
}

function list(evaluations: readonly Evaluation[]): void {
  for (const line of tableLines(evaluations.map(({ name, about }) => [name, about]))) say(line);
}

async function run(evaluation: Evaluation, args: readonly string[], signal: AbortSignal): Promise<Reported> {
  const { name, about } = evaluation;
  const folder = path.join(root, args.includes("--write") ? "evals/results" : ".data/evals");
  const { report, reported } = createReport({ evaluation: name, folder, out: process.stdout });
  say(`== ${name}: ${about}`);
  const own = args.filter((arg) => arg !== "--write");
  await evaluation.run({ args: own, report, signal }).catch((error: unknown) => {
    report.fail(error instanceof Error ? error.message : String(error));
  });
  say();
  return reported;
}

function sayTable(results: ReadonlyMap<string, Reported>): void {
  const rows = [...results].flatMap(([name, { figures, failures }]) => [
    ...figures.map((figure) => [name, figure.name, figure.value, figure.note]),
    ...failures.map((failure) => [name, "FAILED", "", failure]),
  ]);
  if (rows.length > 0) for (const line of tableLines([["evaluation", "figure", "value", ""], ...rows])) say(line);
}

/** Which of them are asked for, and what is behind their name. */
function chosenOf(evaluations: readonly Evaluation[], args: readonly string[]) {
  const [name, ...own] = args;
  if (name === undefined || name.startsWith("-")) return { chosen: evaluations, own: args };
  const chosen = evaluations.filter((evaluation) => evaluation.name === name);
  if (chosen.length > 0) return { chosen, own };
  throw new Error(`There is no evaluation "${name}"; there are: ${evaluations.map((one) => one.name).join(", ")}.`);
}

async function main(args: readonly string[]): Promise<number> {
  const evaluations = await findEvaluations();
  if (args[0] === "list") return (list(evaluations), 0);
  const { chosen, own } = chosenOf(evaluations, args);
  if (own.includes("--help")) {
    for (const { name, about, options = "  no options" } of chosen) say(`${name}: ${about}\n${options}`);
    return 0;
  }
  const stopping = new AbortController();
  process.once("SIGTERM", () => stopping.abort());
  const results = new Map<string, Reported>();
  for (const evaluation of chosen) {
    if (stopping.signal.aborted) break;
    results.set(evaluation.name, await run(evaluation, own, stopping.signal));
  }
  if (own.includes("--write")) for (const page of copyResults(root)) say(`  written: docs/${page}`);
  sayTable(results);
  return stopping.signal.aborted || [...results.values()].some(({ failures }) => failures.length > 0) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
