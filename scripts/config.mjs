import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: npm run config -- check|print [SERVICE|all] [--env-file FILE]
       npm run config -- docs

  check  every problem that would end a process at its start; exit code 1 if there is one
  print  what would be in force, without secrets
  docs   writes docs/configuration.md

  all    edge, agent-worker and tool-worker, also when nothing is named; the simulators only by name
  --env-file FILE  only what stands there, not the environment of this shell`;

async function main(args) {
  await prepare({ needsBuild: false });
  const cli = path.join(root, "scripts/config/main.ts");
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", cli, ...args], { stdio: "inherit" });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

giveHelp(process.argv.slice(2), usage);
process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  say(describeFailure(error));
  return 1;
});
