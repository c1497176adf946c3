import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { brokerProblem } from "./brokers.mjs";
import { logsDir } from "./paths.mjs";
import { isProcess } from "./run-records.mjs";
import { SetupError } from "./setup-error.mjs";

const START_DEADLINE_MS = 30_000;
const PROBE_DEADLINE_MS = 1000;
const STOP_DEADLINE_MS = 5000;
const POLL_MS = 20;

function lastLine(file) {
  return readFileSync(file, "utf8").trimEnd().split("\n").at(-1)?.trim() || "it wrote nothing";
}

/** Whether the process of this record is still the server of this checkout. */
export function isPrivateServer(broker, record) {
  // Redis writes its address over its command line.
  return isProcess(record.pid, broker.dir) || isProcess(record.pid, new URL(record.url).host);
}

/** Starts a server of this checkout's own on a loopback port, with its data under `.data/`. */
export async function startPrivate(broker, program, port) {
  mkdirSync(broker.dir, { recursive: true });
  mkdirSync(logsDir, { recursive: true });
  if (broker.config !== undefined) writeFileSync(broker.config.file, broker.config.text);
  const log = openSync(broker.log, "w");
  // Its own process group: Ctrl-C in the terminal must not stop it before the services that still use it.
  const child = spawn(program, broker.args(port), { cwd: broker.dir, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  let hasEnded = false;
  child.once("error", () => (hasEnded = true));
  child.once("exit", () => (hasEnded = true));
  child.unref();
  const url = new URL(`${broker.schemes[0]}//127.0.0.1:${port}`);
  const endsAt = Date.now() + START_DEADLINE_MS;
  let problem = "did not start";
  while (!hasEnded && problem !== undefined && Date.now() < endsAt) {
    problem = await brokerProblem(broker, url, PROBE_DEADLINE_MS);
    if (problem !== undefined) await delay(POLL_MS);
  }
  if (problem === undefined && !hasEnded) return { kind: "private", pid: child.pid, url: shownHref(url), program };
  if (!hasEnded) child.kill("SIGKILL");
  throw new SetupError(
    `${path.basename(program)} did not start on 127.0.0.1:${port} (${lastLine(broker.log)}): ` +
      `see ${broker.log}; if its data is damaged, move ${broker.dir} away and run the command again.`,
  );
}

function shownHref(url) {
  return url.href.replace(/\/$/, "");
}

async function hasGone(broker, record) {
  const endsAt = Date.now() + STOP_DEADLINE_MS;
  while (isPrivateServer(broker, record)) {
    if (Date.now() > endsAt) return false;
    await delay(POLL_MS);
  }
  return true;
}

export async function stopPrivate(broker, record) {
  if (!isPrivateServer(broker, record)) return;
  process.kill(record.pid, "SIGTERM");
  if (await hasGone(broker, record)) return;
  process.kill(record.pid, "SIGKILL");
  await hasGone(broker, record);
}
