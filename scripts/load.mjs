import { spawn } from "node:child_process";
import path from "node:path";
import { ensureK6, noK6 } from "./load/k6.mjs";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const IF_POSSIBLE = "--if-possible";

const usage = `Usage: npm run load -- SCENARIO [--users N] [--active N] [--seconds S] [--minutes M] [--edges N] [--agents N]
                               [--tokens N] [--rate N] [--think-ms N] [--out FOLDER] [${IF_POSSIBLE}]

  Without a scenario it lists them. A load needs k6 2: one that is installed, or one that is built with Go, once.
  ${IF_POSSIBLE}  where there is no k6 and none can be built, says so and ends well

  docs/load-testing.md says how to read what comes out.`;

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());

function runCli(node, args, env) {
  const cli = path.join(root, "test/load/cli.ts");
  // An interrupt from the keyboard reaches the child by itself; one that only we get is handed on.
  const child = spawn(node, ["--conditions=source", "--import", "tsx", cli, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: "inherit",
  });
  stopping.signal.addEventListener("abort", () => child.kill("SIGTERM"));
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** Said so that nobody takes it for a test that has passed. */
function sayNotRun() {
  const line = "!".repeat(78);
  say(`${line}\n!! THE LOAD TEST WAS NOT RUN: there is no k6 here, and it could not be built.\n${line}`);
}

async function main(args, signal) {
  const isOptional = args.includes(IF_POSSIBLE);
  const rest = args.filter((arg) => arg !== IF_POSSIBLE);
  const needsRun = rest.length > 0;
  const node = await prepare({ needsBuild: needsRun, needsEdge: needsRun, signal });
  if (!needsRun) return runCli(node, rest, {});
  const k6 = await ensureK6({ signal }).catch((error) => {
    if (!isOptional) throw error;
    say(describeFailure(error));
    return undefined;
  });
  if (k6 === undefined && isOptional) {
    sayNotRun();
    return 0;
  }
  if (k6 === undefined) throw noK6();
  const programs = await ensureBrokerPrograms({ signal });
  return runCli(node, rest, { ...programs, PARLEY_K6: JSON.stringify(k6) });
}

giveHelp(process.argv.slice(2), usage);
process.exitCode = await main(process.argv.slice(2), stopping.signal).catch((error) => {
  say(describeFailure(error));
  return 1;
});
