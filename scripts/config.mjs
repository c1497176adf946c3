import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";

// Usage: npm run config -- check|print|docs [service|all] [--env-file FILE]
async function main(args) {
  await prepare({ needsBuild: false });
  const cli = path.join(root, "scripts/config/main.ts");
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", cli, ...args], { stdio: "inherit" });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  say(describeFailure(error));
  return 1;
});
