import { spawn } from "node:child_process";
import path from "node:path";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const stopping = new AbortController();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
for (const signal of signals) process.on(signal, () => stopping.abort());

const usage = `Usage: npm run bench -- NAME … [--rounds 3] [--seconds 10] [--only PART] [--profile FOLDER] [--update] [--label WORD]
       npm run bench -- table RESULT OF turns      puts it into README.md
       npm run bench -- flame PROFILE SVG TITLE    draws it

  Without a name it lists them, with what each takes and its own options.`;

async function main(args, signal) {
  // Only a list is asked for: nothing has to be there but the packages.
  const needsRun = args.length > 0;
  const node = await prepare({ needsBuild: needsRun, needsEdge: needsRun, signal });
  const env = needsRun ? { ...process.env, ...(await ensureBrokerPrograms({ signal })) } : process.env;
  const cli = path.join(root, "loadtest/bench/cli.ts");
  const child = spawn(node, ["--conditions=source", "--import", "tsx", cli, ...args], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

giveHelp(process.argv.slice(2), usage);
process.exitCode = await main(process.argv.slice(2), stopping.signal).catch((error) => {
  say(describeFailure(error));
  return 1;
});
