import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./paths.mjs";
import { prepare } from "./prepare.mjs";
import { say } from "./progress.mjs";
import { describeFailure } from "./setup-error.mjs";
import { giveHelp } from "./usage.mjs";

async function run(command, args) {
  await prepare({ needsBuild: false });
  const cli = path.join(root, "scripts/backup/main.ts");
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", cli, command, ...args], {
    stdio: "inherit",
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** `backup` or `restore`, as whichever script is called that does it. */
export async function runBackupCli(command, usage) {
  giveHelp(process.argv.slice(2), usage);
  process.exitCode = await run(command, process.argv.slice(2)).catch((error) => {
    say(describeFailure(error));
    return 1;
  });
}
