import { setTimeout as delay } from "node:timers/promises";
import { brokers } from "../setup/brokers.mjs";
import { isPrivateServer, startPrivate } from "../setup/private-server.mjs";
import { sayOf } from "../setup/progress.mjs";
import { readBrokers, withSetupLock, writeBrokers } from "../setup/run-records.mjs";

const POLL_MS = 1000;
const LAST_WAIT_MS = 15_000;

function deadRecord(broker) {
  const record = readBrokers()[broker.key];
  return record?.kind === "private" && !isPrivateServer(broker, record) ? record : undefined;
}

/** Starts it again on the port and with the data that it had, unless another run was quicker. */
async function revive(broker) {
  await withSetupLock(async () => {
    const dead = deadRecord(broker);
    if (dead === undefined) return;
    const started = await startPrivate(broker, dead.program, Number(new URL(dead.url).port));
    writeBrokers({ ...readBrokers(), [broker.key]: started });
    sayOf(broker.name, `ended unexpectedly and was started again (process ${started.pid})`);
  });
}

async function watch(broker, signal) {
  let waitMs = POLL_MS;
  while (!signal.aborted) {
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      if (deadRecord(broker) !== undefined) await revive(broker);
      waitMs = POLL_MS;
    } catch (error) {
      // Whatever it is, trying again later is all that can be done; the person at the terminal reads why.
      waitMs = Math.min(waitMs * 2, LAST_WAIT_MS);
      sayOf(broker.name, error.message);
    }
  }
}

/** Keeps the private NATS and Redis of this checkout running, whichever of its runs has started them. */
export function watchBrokers() {
  const stopping = new AbortController();
  const watching = Promise.all(brokers.map((broker) => watch(broker, stopping.signal)));
  return {
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}
