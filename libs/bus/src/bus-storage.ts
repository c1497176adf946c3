import type { JetStreamManager } from "@nats-io/jetstream";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { createAppender } from "./appender.ts";
import { atMostEvery } from "./at-most-every.ts";
import type { Encryption } from "./encryption.ts";
import { createLogMarks } from "./log-marks.ts";
import type { BrokerLink } from "./nats-connection.ts";
import { createOutbox } from "./outbox.ts";
import { createPatientLookups } from "./patient-lookups.ts";
import { createRequests } from "./requests.ts";
import { createSealing } from "./sealing.ts";
import type { StreamOptions } from "./stream-configs.ts";
import { setUpStreams } from "./stream-setup.ts";

const setUpTries = 20;
const restoreEveryMs = 1_000;
/** Within it a rolling deployment has replaced the workers of the version before, as a rule; see `ackWaitFor`. */
const replacementMs = 300_000;
/**
 * nats-server 2.9.10 removes the files of a deleted stream after it has answered. One of the same name that is made meanwhile loses its own,
 * and from then on refuses every message (seen: "Error creating msg block file", until it is deleted once more).
 */
const deletionMs = 1_000;
/**
 * On a cluster nobody listens either while the leader of a stream is elected: some 50 ms when it was asked to step down, as in a rolling update. So
 * an append is worth another try before all is known to be there.
 */
const electionMs = 200;

interface StorageDeps {
  readonly link: BrokerLink;
  readonly manager: JetStreamManager;
  readonly options: StreamOptions;
  readonly log: Logger;
}

/** Makes sure that the streams are there, and opens what all else writes and reads by. `stored`: look-ups that open nothing. */
export async function openStorage({ link, manager, options, log }: StorageDeps, encryption: Encryption | undefined) {
  const outbox = createOutbox();
  const requests = createRequests(link, outbox, log);
  const stored = createPatientLookups(manager, requests, options);
  const { setUp, stop, recordFormat } = await setUpNowAndLater(manager, options, log);
  const { restore, restoreSoon } = createRestoring(setUp, options, log);
  const publisher = createAppender(link, outbox, { log, restore: restoreSoon });
  const sealing = createSealing({ link, jsm: stored, manager, appender: publisher, options, log }, encryption);
  const { appender, jsm, opening } = sealing;
  await untilSetUp(sealing.setUp, log);
  return {
    ...{ outbox, stored, appender, jsm, opening, sealing, restore, recordFormat },
    close(): void {
      stop();
      sealing.close();
      outbox.close();
      appender.close();
      requests.close();
    },
  };
}

/** Makes the streams again that somebody has deleted. `restoreSoon`: waits no longer for it than for an election. */
function createRestoring(setUp: () => Promise<boolean>, { replicas }: StreamOptions, log: Logger) {
  const restore = atMostEvery(restoreEveryMs, async () => {
    await sleep(deletionMs);
    await setUp().catch((err: unknown) => log.warn({ err }, "the streams could not be made again yet"));
  });
  const restoreSoon = replicas > 1 ? () => Promise.race([restore(), sleep(electionMs)]) : restore;
  return { restore, restoreSoon };
}

/** Sets the streams up, and once more when workers of an older version had their time to go if they are not yet as wanted. */
async function setUpNowAndLater(manager: JetStreamManager, options: StreamOptions, log: Logger) {
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
async function untilSetUp<T>(setUp: () => Promise<T>, log: Logger): Promise<T> {
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
