import { isTooOldForCluster, oldestForCluster } from "@parley/bus";
import { natsServerVersion } from "@parley/testkit";
import { readOptions } from "./options.ts";
import { createProgressLine } from "./report/progress-line.ts";
import { decisionLines, resultTable } from "./report/result-table.ts";
import { writeViolation } from "./report/violation-file.ts";
import type { Scenario } from "./scenario.ts";
import { runScenario, type RunResult } from "./scenario-run.ts";

const shownViolations = 5;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function sayFound(result: RunResult, seed: number): void {
  const { scenario, violations, doubt } = result;
  if (doubt !== undefined) say(`  ${scenario.name} proves little: ${doubt}`);
  if (violations.length === 0) return;
  for (const { promise, what, conversation = "" } of violations.slice(0, shownViolations)) {
    say(`  ${scenario.name}: ${promise} is broken: ${what} ${conversation}`);
  }
  say(`  its history: ${writeViolation(result, seed)}`);
}

/** Without those that this machine's NATS cannot do. */
function withoutClusters(chosen: readonly Scenario[]): readonly Scenario[] {
  const version = natsServerVersion();
  if (!isTooOldForCluster(version)) return chosen;
  const left = chosen.filter(({ shape }) => shape.natsServers > 1).map(({ name }) => name);
  if (left.length > 0) {
    say(
      `Left out: ${left.join(", ")}. A cluster needs NATS ${oldestForCluster}, this is ${version}; NATS_SERVER_BIN names another.`,
    );
  }
  return chosen.filter(({ shape }) => shape.natsServers === 1);
}

async function main(args: readonly string[]): Promise<number> {
  const { seed, turns, chosen: wanted } = readOptions(args);
  const chosen = withoutClusters(wanted);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stopping.abort());
  say(`Chaos: ${chosen.length} scenarios with ${turns} turns each, seed ${seed}`);
  const progress = createProgressLine(process.stdout);
  const results: RunResult[] = [];
  let notRun = 0;
  for (const scenario of chosen) {
    if (stopping.signal.aborted) break;
    try {
      const result = await runScenario(scenario, { seed, turns, signal: stopping.signal, onProgress: progress.show });
      progress.clear();
      results.push(result);
      sayFound(result, seed);
    } catch (error) {
      notRun++;
      say(`  ${scenario.name} could not be run: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  say("");
  for (const line of [...resultTable(results), ...decisionLines(results)]) say(line);
  say("");
  const violations = results.reduce((sum, result) => sum + result.violations.length, 0);
  const unable = notRun === 0 ? "" : `, ${notRun} could not be run`;
  say(`${violations} violations in ${results.length} scenarios${unable}; seed ${seed}`);
  return violations + notRun === 0 && !stopping.signal.aborted ? 0 : 1;
}

process.exit(
  await main(process.argv.slice(2)).catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }),
);
