import { spawn } from "node:child_process";
import path from "node:path";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());

async function main(args, signal) {
  const node = await prepare({ needsEdge: true, signal });
  const env = { ...process.env, ...(await ensureBrokerPrograms({ signal })) };
  const cli = path.join(root, "test/chaos/cli.ts");
  const child = spawn(node, ["--conditions=source", "--import", "tsx", cli, ...args], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

process.exitCode = await main(process.argv.slice(2), stopping.signal).catch((error) => {
  say(describeFailure(error));
  return 1;
});
