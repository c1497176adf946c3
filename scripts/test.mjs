import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { ensureChromium } from "./setup/chromium.mjs";
import { offerConformanceClients } from "./setup/conformance-clients.mjs";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { offerPythonWebsockets } from "./setup/python-websockets.mjs";
import { say, seconds, table } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";
import { describeFailures, keepOutcome } from "./suites/failures.mjs";
import { describeTiers, readSuites } from "./suites/options.mjs";
import { artefactsDir, runSuite } from "./suites/vitest-run.mjs";

const usage = `Usage: npm test -- [SUITE …|all] [OPTIONS AND FILES OF VITEST]

${describeTiers(readSuites([]).chosen).join("\n")}

  npm test -- unit -t "a name"     tests of this name
  npm test -- integration FILE …   these files`;

const INTERRUPTED_CODE = 130;

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());

function hasBrowserTests() {
  const dir = path.join(root, "test", "browser");
  return existsSync(dir) && readdirSync(dir, { recursive: true }).some((name) => name.endsWith(".browser.test.ts"));
}

/** All that the suites need: the Node to run them on, and the environment that tells them where the rest is. */
async function setUp(chosen, signal) {
  say(`Tests of Parley on Node ${process.versions.node}`);
  // Unit tests run the sources, of the edge as well.
  const needsBuild = chosen.some(({ name }) => name !== "unit");
  const node = await prepare({ needsBuild, needsEdge: true, signal });
  const env = { ...process.env, PARLEY_BUILT: "1" };
  if (chosen.some((suite) => suite.needsBrokers)) Object.assign(env, await ensureBrokerPrograms({ signal }));
  if (chosen.some(({ name }) => ["e2e", "conformance"].includes(name))) await offerPythonWebsockets({ signal });
  await offerConformanceClients({ signal, what: chosen.flatMap(({ needsClients = [] }) => needsClients) });
  if (chosen.some((suite) => suite.needsBrowser) && hasBrowserTests())
    env.CHROMIUM_PATH = await ensureChromium({ signal });
  return { node, env };
}

async function runSuites({ chosen, outcomes, ...options }) {
  for (const [index, suite] of chosen.entries()) {
    if (options.signal.aborted) return;
    say();
    say(`== ${suite.name} (suite ${index + 1} of ${chosen.length})`);
    keepOutcome(artefactsDir, outcomes, `${suite.name}: was running when the tests were cut off`);
    outcomes.push(await runSuite(suite, { ...options, env: { ...suite.env, ...options.env } }));
  }
}

function sayOutcome(outcomes) {
  const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  const rows = outcomes.map(({ name, passed, failed, skipped, ms, result }) => {
    return [name, passed + failed + skipped, seconds(ms), result];
  });
  if (rows.length > 1) rows.push(["all", sum("passed") + sum("failed") + sum("skipped"), seconds(sum("ms")), ""]);
  say();
  for (const line of table([["suite", "tests", "time", "result"], ...rows])) say(line);
  say();
  for (const line of describeFailures(outcomes)) say(line);
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  const repeated = outcomes.some(({ secondRun }) => secondRun.length > 0) ? ", SOME ONLY ON THE SECOND RUN" : "";
  say(`${sum("passed")} passed, ${sum("failed")} failed${skipped}${repeated}`);
}

async function main(args, outcomes, signal) {
  const { chosen, vitestArgs, maxRepeats } = readSuites(args);
  for (const line of describeTiers(chosen)) say(line);
  keepOutcome(
    artefactsDir,
    [],
    "The tests were cut off before the first suite: packages, build, brokers, or the browser",
  );
  const { node, env } = await setUp(chosen, signal);
  const repeats = { left: process.env.CI === "true" ? maxRepeats : 0 };
  await runSuites({ chosen, outcomes, vitestArgs, repeats, node, env, signal });
  keepOutcome(artefactsDir, outcomes, signal.aborted ? "The tests were interrupted" : undefined);
  sayOutcome(outcomes);
  if (signal.aborted) return INTERRUPTED_CODE;
  return outcomes.every(({ hasPassed }) => hasPassed) ? 0 : 1;
}

giveHelp(process.argv.slice(2), usage);
const outcomes = [];
try {
  process.exitCode = await main(process.argv.slice(2), outcomes, stopping.signal);
} catch (error) {
  keepOutcome(artefactsDir, outcomes, `The tests could not go on: ${describeFailure(error)}`);
  process.stderr.write(`\n${stopping.signal.aborted ? "Interrupted." : describeFailure(error)}\n`);
  process.exitCode = stopping.signal.aborted ? INTERRUPTED_CODE : 1;
}
