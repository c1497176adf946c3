import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { eventually, freePort, tempDir } from "@parley/testkit";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const READY_MS = 45_000;
const STOPPED_MS = 20_000;

type Run = { child: ChildProcess; port: number; output: () => string; ended: Promise<number | null> };

/** `npm start` with its data in `dir`, ready; killed at the end of the test if it is still there. */
async function start(dir: string, args: string[] = []): Promise<Run & AsyncDisposable> {
  const { PATH = "", HOME = "" } = process.env;
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(repository, "scripts", "start.mjs"), ...args], {
    env: { PATH, HOME, PORT: String(port), PARLEY_DATA_DIR: dir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
  const ended = once(child, "close").then(([code]) => code);
  const run = { child, port, output: () => text, ended };
  await eventually(() => text.includes("Parley is ready") || child.exitCode !== null, {
    what: "npm start ready",
    timeoutMs: READY_MS,
  });
  expect(text.trimEnd().split("\n").at(-1)?.trim()).toBe(`Parley is ready: http://localhost:${port}/`);
  return Object.assign(run, {
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  });
}

/** The processes of this data folder: the services that wrote their numbers down, and the brokers. */
async function processesOf(dir: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", ["-eo", "pid=,args="]);
  const runs = await readdir(path.join(dir, "runs")).catch(() => []);
  const records = await Promise.all(
    runs.filter((name) => name.endsWith(".json")).map((name) => readFile(path.join(dir, "runs", name), "utf8")),
  );
  const pids = records.flatMap((record) => [...record.matchAll(/"pid": (\d+)/g)].map((match) => match[1]));
  return stdout.split("\n").filter((line) => line.includes(dir) || pids.includes(line.trim().split(" ")[0]));
}

/** The number of a process, from the table that `npm start` prints. */
function pidOf(run: Run, name: string): number {
  return Number(new RegExp(`^ +${name} +(\\d+) `, "m").exec(run.output())?.[1]);
}

async function health(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/health`);
  await response.body?.cancel();
  return response.status;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("starts everything, names the simulated parts, and leaves nothing running after Ctrl-C", async () => {
  await using dir = await tempDir();
  await using run = await start(dir.path);
  expect(await health(run.port)).toBe(200);
  expect(run.output()).toMatch(/model-simulator .*simulated model/);
  expect(run.output()).toMatch(/cluster-simulator .*simulated Kubernetes cluster/);
  expect((await stat(path.join(dir.path, "dev-secret"))).mode & 0o777).toBe(0o600);
  const pids = ["edge", "agent-worker", "tool-worker", "model-simulator", "cluster-simulator"].map((name) =>
    pidOf(run, name),
  );
  expect(pids.every(isAlive)).toBe(true);
  run.child.kill("SIGINT");
  expect(await run.ended).toBe(0);
  expect(pids.some(isAlive)).toBe(false);
  expect(await processesOf(dir.path)).toEqual([]);
});

test("starts a process that crashed again and says so", async () => {
  await using dir = await tempDir();
  await using run = await start(dir.path, ["--only", "edge"]);
  process.kill(pidOf(run, "edge"), "SIGKILL");
  await eventually(() => /edge +runs again \(process \d+\)/.test(run.output()), {
    what: "the edge running again",
    timeoutMs: STOPPED_MS,
  });
  expect(run.output()).toMatch(/edge +ended unexpectedly \(SIGKILL\); starting it again in 1\.0 s/);
  expect(await health(run.port)).toBe(200);
});

test("shares the brokers of a checkout between two runs; the last one stops them", async () => {
  await using dir = await tempDir();
  await using first = await start(dir.path, ["--only", "edge"]);
  await using second = await start(dir.path, ["--only", "edge"]);
  expect(second.output()).toMatch(/NATS .*already running for this checkout/);
  first.child.kill("SIGTERM");
  expect(await first.ended).toBe(0);
  expect(await health(second.port)).toBe(200);
  second.child.kill("SIGTERM");
  expect(await second.ended).toBe(0);
  expect(await processesOf(dir.path)).toEqual([]);
});

test("cleans up although it was killed", async () => {
  await using dir = await tempDir();
  await using run = await start(dir.path, ["--only", "edge"]);
  const edge = pidOf(run, "edge");
  run.child.kill("SIGKILL");
  await run.ended;
  await eventually(() => !isAlive(edge), { what: "the edge gone", timeoutMs: STOPPED_MS });
  await eventually(async () => (await processesOf(dir.path)).length === 0, {
    what: "the brokers gone",
    timeoutMs: STOPPED_MS,
  });
});
