import { availableParallelism } from "node:os";
import path from "node:path";
import { runInParallel } from "./check/parallel.mjs";
import { listSteps, selfTest } from "./check/steps.mjs";
import { run } from "./setup/commands.mjs";
import { prepare } from "./setup/prepare.mjs";
import { giveHelp } from "./setup/usage.mjs";
import { say, seconds, table } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";

const root = path.resolve(import.meta.dirname, "..");
/** Linting with types took 265 s on a machine of two cores that others used too. */
const STEP_DEADLINE_MS = 300_000;

const usage = `Usage: npm run check [-- STEP …]

  Runs every check of the code, or only the steps that are named:
  ${[...listSteps(root), selfTest].map(({ name }) => name).join(", ")}`;

function chooseSteps(names) {
  const steps = [...listSteps(root), selfTest];
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length === 0) return names.length === 0 ? steps : steps.filter((step) => names.includes(step.name));
  say(`There is no step ${unknown.join(", ")}. The steps are: ${steps.map((step) => step.name).join(", ")}.`);
  return [];
}

async function runStep({ name, command, args }) {
  const startMs = performance.now();
  const { code, output } = await run(command, args, { cwd: root, timeoutMs: STEP_DEADLINE_MS });
  const tookMs = performance.now() - startMs;
  const passed = code === 0;
  const why = code === null ? `: ${output.trimEnd().split("\n").at(-1)}` : "";
  say(`  ${passed ? "ok    " : "FAILED"} ${name} (${seconds(tookMs)})${why}`);
  return { name, passed, output, tookMs };
}

function report(results, tookMs) {
  for (const { name, output } of results.filter(({ passed }) => !passed)) say(`\n── ${name} ──\n${output.trimEnd()}`);
  const rows = results.map(({ name, tookMs: stepMs, passed }) => [name, seconds(stepMs), passed ? "ok" : "FAILED"]);
  const failed = results.filter(({ passed }) => !passed).length;
  const outcome = failed === 0 ? "ok" : `${failed} FAILED`;
  say();
  for (const line of table([["step", "time", "result"], ...rows, ["all", seconds(tookMs), outcome]])) say(line);
}

async function check() {
  const steps = chooseSteps(process.argv.slice(2));
  // Packages of another revision would be named as faults of this one.
  if (steps.length > 0) await prepare({ needsBuild: false });
  const startMs = performance.now();
  const results = await runInParallel(steps, availableParallelism(), runStep);
  if (results.length > 0) report(results, performance.now() - startMs);
  return results.length > 0 && results.every(({ passed }) => passed);
}

giveHelp(process.argv.slice(2), usage);
try {
  process.exitCode = (await check()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
