import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { ensureChromium } from "./setup/chromium.mjs";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { offerPythonWebsockets } from "./setup/python-websockets.mjs";
import { say, seconds, table } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";
import { describeFailures, keepFailures } from "./suites/failures.mjs";
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
  if (chosen.some(({ name }) => name === "e2e")) await offerPythonWebsockets({ signal });
  if (chosen.some((suite) => suite.needsBrowser) && hasBrowserTests())
    env.CHROMIUM_PATH = await ensureChromium({ signal });
  return { node, env };
}

async function runSuites({ chosen, vitestArgs, node, env, signal }) {
  const outcomes = [];
  for (const [index, suite] of chosen.entries()) {
    if (signal.aborted) return outcomes;
    say();
    say(`== ${suite.name} (suite ${index + 1} of ${chosen.length})`);
    outcomes.push(await runSuite(suite, { vitestArgs, node, env, signal }));
  }
  return outcomes;
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
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  const failures = describeFailures(outcomes);
  for (const line of failures) say(line);
  keepFailures(path.join(artefactsDir, "failures.txt"), failures);
  say(`${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
}

async function main(args, signal) {
  const { chosen, vitestArgs } = readSuites(args);
  for (const line of describeTiers(chosen)) say(line);
  const { node, env } = await setUp(chosen, signal);
  const outcomes = await runSuites({ chosen, vitestArgs, node, env, signal });
  sayOutcome(outcomes);
  if (signal.aborted) return INTERRUPTED_CODE;
  return outcomes.every(({ result }) => result === "passed") ? 0 : 1;
}

giveHelp(process.argv.slice(2), usage);
try {
  process.exitCode = await main(process.argv.slice(2), stopping.signal);
} catch (error) {
  process.stderr.write(`\n${stopping.signal.aborted ? "Interrupted." : describeFailure(error)}\n`);
  process.exitCode = stopping.signal.aborted ? INTERRUPTED_CODE : 1;
}
