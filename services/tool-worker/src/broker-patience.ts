import { ChatError } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";

/** How long a result is kept while the broker is away. A write must not be forgotten lightly: it cannot be run again to find out. */
const KEEP_RESULT_MS = 120_000;
/** How long the start of a call waits for the broker. */
const READ_DEADLINE_MS = 15_000;

/** For what must be stored if it can be. `write` itself tries for a while, so there is no further pause. */
export async function keepTrying<T>(write: () => Promise<T>, onTrouble: () => void): Promise<T> {
  const keepUntil = performance.now() + KEEP_RESULT_MS;
  for (;;) {
    try {
      return await write();
    } catch (err) {
      const isBrokerTrouble = err instanceof ChatError && err.code === "OVERLOADED";
      if (!isBrokerTrouble || performance.now() > keepUntil) throw err;
      onTrouble();
    }
  }
}

/** Waits through short broker trouble, then throws. */
export async function retried<T>(read: () => Promise<T>): Promise<T> {
  const backoff = createBackoff({ minMs: 50, maxMs: 1_000 });
  const deadline = performance.now() + READ_DEADLINE_MS;
  for (;;) {
    try {
      return await read();
    } catch (err) {
      if (performance.now() > deadline) throw err;
    }
    await sleep(backoff.nextMs());
  }
}
