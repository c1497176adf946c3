import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: npm run --silent retention -- [--dry-run [--list]] [--admin URL]

  Says how far the sweep of old conversations is; with --dry-run what it would delete, without deleting anything.

  --list         each conversation that would be deleted, or is held, one a line
  --admin URL    the admin port of an edge; default http://127.0.0.1:8001

  ADMIN_TOKEN: that of the edges, or a token of somebody with the right service:read.`;

async function main(args) {
  await prepare({ needsBuild: false });
  const cli = path.join(root, "scripts/retention/main.ts");
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", cli, ...args], { stdio: "inherit" });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

giveHelp(process.argv.slice(2), usage);
process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  say(describeFailure(error));
  return 1;
});
