import { setTimeout as delay } from "node:timers/promises";
import path from "node:path";
import { releaseInfrastructure } from "../setup/infrastructure.mjs";
import { root } from "../setup/paths.mjs";
import { isProcess } from "../setup/run-records.mjs";

const STOP_DEADLINE_MS = 10_000;
const POLL_MS = 50;

const servicesDir = path.join(root, "services");

function living(record) {
  return (record.children ?? []).map(({ pid }) => pid).filter((pid) => isProcess(pid, servicesDir));
}

function send(pids, signal) {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has gone in the meantime, which is what was wanted.
    }
  }
}

/** Ends what a run that was killed has left running: its services, and its brokers if nobody else uses them. */
export async function removeLeftovers(record) {
  const endsAt = Date.now() + STOP_DEADLINE_MS;
  send(living(record), "SIGTERM");
  while (living(record).length > 0 && Date.now() < endsAt) await delay(POLL_MS);
  send(living(record), "SIGKILL");
  await releaseInfrastructure(record.pid);
}
