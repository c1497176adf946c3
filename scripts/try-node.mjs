import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readLines, run } from "./setup/commands.mjs";
import { sayWaiting } from "./setup/infrastructure.mjs";
import { root } from "./setup/paths.mjs";
import { createPorts } from "./setup/ports.mjs";
import { fetchPrivateNode, privateNode } from "./setup/private-node.mjs";
import { say } from "./setup/progress.mjs";
import { withSetupLock } from "./setup/run-records.mjs";
import { describeFailure, SetupError } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const READY_DEADLINE_MS = 180_000;
const ANSWER_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 30_000;
const TESTS_DEADLINE_MS = 180_000;
const FIRST_PORT = 8600;
const TESTS = ["test", "--", "unit", "libs/protocol/test/golden.test.ts"];

const show = (line) => say(`    ${line}`);

async function findNode(line) {
  const node = privateNode(line);
  if (node === undefined) return undefined;
  const fetching = () => (existsSync(node.program) ? undefined : fetchPrivateNode(node, {}));
  const problem = await withSetupLock(fetching, { onWait: sayWaiting });
  if (problem !== undefined) throw new SetupError(`Node ${node.version} could not be fetched from npm (${problem}).`);
  return node;
}

async function post(url, body, headers = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
  });
  if (!response.ok) throw new SetupError(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

async function ask(port) {
  const address = `http://127.0.0.1:${port}/api/v1`;
  const { token } = await post(`${address}/auth/dev-token`, { sub: "anna" });
  const { response } = await post(`${address}/chat`, { message: "Hello" }, { authorization: `Bearer ${token}` });
  if (typeof response !== "string" || response === "") throw new SetupError("The answer is empty.");
  return response;
}

/** Resolves when it is ready; rejects when it ends first, or the deadline has come. */
function untilReady(child) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new SetupError("`npm start` is not ready in time.")), READY_DEADLINE_MS);
    const onLine = (line) => {
      show(line);
      if (line.includes("Parley is ready")) resolve();
    };
    for (const stream of [child.stdout, child.stderr]) readLines(stream, onLine);
    child.once("error", reject);
    child.once("exit", (code) => reject(new SetupError(`\`npm start\` ended with exit code ${code}.`)));
    child.once("exit", () => clearTimeout(late));
  });
}

/** Ctrl-C for the whole group, as from a terminal. */
async function stop(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  process.kill(-child.pid, "SIGINT");
  const late = delay(STOP_DEADLINE_MS, "late", { ref: false });
  if ((await Promise.race([ended, late])) !== "late") return;
  process.kill(-child.pid, "SIGKILL");
  throw new SetupError("`npm start` did not stop when it was told to.");
}

async function tryStart(env) {
  const dataDir = await mkdtemp(path.join(tmpdir(), "parley-try-"));
  const port = await createPorts().preferred(FIRST_PORT);
  const child = spawn("npm", ["start"], {
    cwd: root,
    env: { ...env, PORT: String(port), PARLEY_DATA_DIR: dataDir },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    await untilReady(child);
    say(`  answered: ${(await ask(port)).slice(0, 60)} …`);
  } finally {
    await stop(child);
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function main([line]) {
  const node = await findNode(line);
  if (node === undefined) return say(`!! NOT TRIED: npm has no Node ${line} for this system.`);
  say(`Parley on a machine that has only Node ${node.version}`);
  const env = { ...process.env, PATH: `${path.dirname(node.program)}${path.delimiter}${process.env.PATH}` };
  await tryStart(env);
  const { code } = await run("npm", TESTS, { cwd: root, env, timeoutMs: TESTS_DEADLINE_MS, onLine: show });
  if (code !== 0) throw new SetupError(`\`npm ${TESTS.join(" ")}\` failed on Node ${node.version}.`);
  say(`Node ${node.version}: npm start answered, and the tests passed.`);
}

const usage = `Usage: node scripts/try-node.mjs 24

  \`npm start\` until it has answered a question, and some tests, as on a machine that has only that Node.`;

giveHelp(process.argv.slice(2), usage);
await main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
});
