import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { dataDir } from "./paths.mjs";
import { SetupError } from "./setup-error.mjs";

// What runs out of this checkout right now, so that a second `npm start` shares the brokers of the first, the last one
// stops them, and what a killed one left behind is found again. Nothing in these files is believed before the process it
// names has been looked at: numbers of processes are used again.

const LOCK_DEADLINE_MS = 10 * 60_000;
const LOCK_RETRY_MS = 100;

const runsDir = path.join(dataDir, "runs");
const brokersFile = path.join(dataDir, "brokers.json");
const lockFile = path.join(dataDir, "setup.lock");

/** The command line of a process, or undefined when there is no such process. */
function commandOf(pid) {
  try {
    if (existsSync("/proc/self/cmdline")) return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  } catch {
    return undefined;
  }
}

/** Whether that process lives and has this text in its command line. */
export function isProcess(pid, text) {
  return Number.isInteger(pid) && (commandOf(pid)?.includes(text) ?? false);
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function writeJson(file, value) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(value, undefined, 2)}\n`);
  renameSync(`${file}.${process.pid}`, file);
}

/** The brokers that a run of this checkout has started: `{ [key]: { kind, url, pid? } }`. */
export function readBrokers() {
  return readJson(brokersFile) ?? {};
}

export function writeBrokers(brokers) {
  writeJson(brokersFile, brokers);
}

function recordFile(pid) {
  return path.join(runsDir, `${pid}.json`);
}

/** Where a run of this number has its simulated cluster write how to reach it. */
export function kubeconfigFile(pid) {
  return path.join(runsDir, `${pid}.kubeconfig`);
}

/** A run: `{ pid, port, children: [{ name, pid }] }`. */
export function writeRun(record) {
  writeJson(recordFile(record.pid), record);
}

export function readRun(pid) {
  return readJson(recordFile(pid));
}

export function removeRun(pid) {
  for (const file of [recordFile(pid), kubeconfigFile(pid)]) rmSync(file, { force: true });
}

function allRuns() {
  if (!existsSync(runsDir)) return [];
  const names = readdirSync(runsDir).filter((name) => name.endsWith(".json"));
  return names.map((name) => readJson(path.join(runsDir, name))).filter((record) => record !== undefined);
}

function isAlive(record) {
  return record.pid === process.pid || isProcess(record.pid, "start.mjs");
}

/** The other runs of this checkout that are alive. */
export function otherRuns() {
  return allRuns().filter((record) => record.pid !== process.pid && isAlive(record));
}

/** Runs that ended without cleaning up: their children may still be there. */
export function deadRuns() {
  return allRuns().filter((record) => !isAlive(record));
}

function lockHolder() {
  try {
    return Number(readFileSync(lockFile, "utf8"));
  } catch {
    return undefined;
  }
}

function tryLock() {
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") {
      throw new SetupError(`Cannot write to ${dataDir} (${error.code}): make this folder writable for this user.`);
    }
    return false;
  }
}

/** Runs `work` while no other script of this checkout installs, builds, or starts and stops brokers. */
export async function withSetupLock(work, { onWait, signal } = {}) {
  const endsAt = Date.now() + LOCK_DEADLINE_MS;
  let hasSaid = false;
  while (!tryLock()) {
    const holder = lockHolder();
    if (holder !== undefined && !isProcess(holder, ".mjs")) rmSync(lockFile, { force: true });
    else if (Date.now() > endsAt) throw new SetupError(`Process ${holder} has held ${lockFile} for too long: stop it.`);
    else {
      if (!hasSaid) onWait?.(holder);
      hasSaid = true;
      await delay(LOCK_RETRY_MS, undefined, { signal });
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}
