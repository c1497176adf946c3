import { spawn } from "node:child_process";
import path from "node:path";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: npm run fuzz -- [--seed N] [--seconds N] [--only KIND,…] [--input N]

  Sends an edge what no client should, while somebody chats on it, and checks every answer, the log, the memory and the neighbour.

  --seed N      the same inputs once more; the seed of a run stands in its first line
  --seconds N   how long (default 60)
  --only a,b    these kinds of input; a name that is none lists them all
  --input N     only the input of this number, of each kind: a finding names seed, kind and number`;

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());

async function main(args, signal) {
  const node = await prepare({ needsEdge: true, signal });
  const env = { ...process.env, ...(await ensureBrokerPrograms({ signal })) };
  const cli = path.join(root, "test/hostile/cli.ts");
  const child = spawn(node, ["--conditions=source", "--import", "tsx", cli, ...args], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  // Whoever stops this process by its id alone means the run.
  signal.addEventListener("abort", () => child.kill("SIGTERM"));
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

giveHelp(process.argv.slice(2), usage);
process.exitCode = await main(process.argv.slice(2), stopping.signal).catch((error) => {
  say(describeFailure(error));
  return 1;
});
