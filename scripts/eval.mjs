import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

/*
 * An evaluation is a module `scripts/eval/<name>.ts` (or `.mjs`) with one export; nothing has to be registered:
 *
 *   import type { Evaluation } from "./cli/evaluation.ts";
 *   export const evaluation: Evaluation = { name, about, options, run: async ({ args, report, signal }) => { … } };
 *
 * `name` is the file's. `about` is one sentence for the list. `options` (optional) are lines for the help. `args` is what stands behind the name on the
 * command line, without `--write`. `report` (cli/report.ts) says lines and progress, takes the figures of the table at the end (`figure`), keeps the
 * result (`json`) and pictures (`picture`), and says what failed (`fail`: the command then ends with 1). `signal` is aborted by Ctrl-C.
 *
 * Modules are run with tsx from the sources, so they may import what they measure: `../../services/agent-worker/src/…`. What belongs to one evaluation
 * only goes into `scripts/eval/<name>/`, labelled sets into `evals/<name>/`.
 */
const usage = `Usage: npm run eval                          all of them, with their shipped sets; then one table
       npm run eval -- list                  what there is
       npm run eval -- NAME [OPTIONS]        one of them
       npm run eval -- NAME … --write        keeps its results in evals/results, which the documents are compared with; else they go to .data/evals

  docs/evaluation.md says what each measures, and how sets of one's own are written.`;

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());

async function main(args, signal) {
  await prepare({ needsBuild: false, signal });
  const cli = path.join(root, "scripts/eval/cli/main.ts");
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", cli, ...args], { stdio: "inherit" });
  signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

// `npm run eval | head`: the reader has gone.
process.stdout.on("error", () => process.exit());

const [first, ...others] = process.argv.slice(2);
// Behind a name it is that evaluation's help.
if (first?.startsWith("-") && others.length === 0) giveHelp([first], usage);
process.exitCode = await main(process.argv.slice(2), stopping.signal).catch((error) => {
  say(describeFailure(error));
  return 1;
});
