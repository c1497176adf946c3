import type { JetStreamManager } from "@nats-io/jetstream";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { createLogMarks } from "./log-marks.ts";
import type { StreamOptions } from "./stream-configs.ts";
import { setUpStreams } from "./stream-setup.ts";

const setUpTries = 20;
/** Within it a rolling deployment has replaced the workers of the version before, as a rule; see `ackWaitFor`. */
const replacementMs = 300_000;

/** Sets the streams up, and once more when workers of an older version had their time to go if they are not yet as wanted. */
export async function setUpNowAndLater(manager: JetStreamManager, options: StreamOptions, log: Logger) {
  const startedMs = performance.now();
  const marks = createLogMarks(options.shards);
  const setUp = (): Promise<boolean> => {
    const hadTime = performance.now() - startedMs >= replacementMs;
    return setUpStreams(manager, options, { hadTime, marks, log });
  };
  const isWhole = await untilSetUp(setUp, log);
  const recordFormat = marks.format();
  if (isWhole) return { setUp, stop(): void {}, recordFormat };
  const again = (): void =>
    void untilSetUp(setUp, log).catch((err: unknown) => log.warn({ err }, "the ack wait could not be set"));
  const timer = setTimeout(again, replacementMs);
  timer.unref();
  return { setUp, stop: (): void => clearTimeout(timer), recordFormat };
}

/** Several processes set up at once and a cluster may still elect its leader: worth a few tries. */
export async function untilSetUp<T>(setUp: () => Promise<T>, log: Logger): Promise<T> {
  const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
  for (let tries = 1; ; tries++) {
    try {
      return await setUp();
    } catch (err) {
      if (tries >= setUpTries) throw err;
      log.warn({ err }, "the streams could not be set up yet");
    }
    await sleep(backoff.nextMs());
  }
}
