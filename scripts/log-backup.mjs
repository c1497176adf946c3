import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: NATS_URL=… node scripts/log-backup.mjs FOLDER

  Writes the log, as a snapshot that keeps its sequences, into a new folder.`;

async function main(args) {
  await prepare({ needsBuild: false });
  const cli = path.join(root, "scripts/log-backup/main.ts");
  const command = ["--conditions=source", "--import", "tsx", cli, "backup", ...args];
  const child = spawn(process.execPath, command, { stdio: "inherit" });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

giveHelp(process.argv.slice(2), usage);
process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  say(describeFailure(error));
  return 1;
});
