import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./paths.mjs";
import { prepare } from "./prepare.mjs";
import { say } from "./progress.mjs";
import { describeFailure } from "./setup-error.mjs";
import { giveHelp } from "./usage.mjs";

async function run(file, args) {
  await prepare({ needsBuild: false });
  const cli = path.join(root, "scripts", file);
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", cli, ...args], { stdio: "inherit" });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** A command whose work is TypeScript below `scripts`: installs what it needs, then runs it. `before`: what that is told in front of what the person has said. */
export async function runSourceCli(file, usage, before = []) {
  giveHelp(process.argv.slice(2), usage);
  process.exitCode = await run(file, [...before, ...process.argv.slice(2)]).catch((error) => {
    say(describeFailure(error));
    return 1;
  });
}
