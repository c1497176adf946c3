import { AckPolicy, JetStreamApiError, type JetStreamManager, type StreamConfig } from "@nats-io/jetstream";
import { millis, nanos } from "@nats-io/transport-node";
import { streams, subjects, turnsConsumer, wakeConsumer } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { LogMarks } from "./log-marks.ts";
import { ackWaitFor, highest, raisedTo } from "./raised-settings.ts";
import {
  auditStream,
  eventStream,
  factStream,
  gateStream,
  logStream,
  memoryStream,
  noticeStream,
  turnsStream,
  type Config,
  type StreamOptions,
} from "./stream-configs.ts";
import { generationMadeAt, generationOf } from "./stream-generation.ts";

const streamNameInUse = 10_058;
/**
 * nats-server 2.9.10 looks for room before it looks whether the stream is there: where the limits of all streams and of one of them once more are
 * above `max_file_store`, it says so to everybody who comes second.
 */
const noStorageLeft = 10_047;
const mayBeThere: ReadonlySet<number> = new Set([streamNameInUse, noStorageLeft]);
const consumerNotFound = 10_014;

/** Makes the audit log, which edges and tool workers write. Nobody raises its settings: who could, could also make it forget. */
export async function setUpAudit(
  jsm: JetStreamManager,
  options: Pick<StreamOptions, "replicas" | "auditKeepMs" | "auditMaxBytes">,
): Promise<void> {
  await ensureStream(jsm, auditStream(options), false);
}

/** Makes the stream of what is remembered of users, which edges and agent workers use. Nobody raises its settings. */
export async function setUpMemory(jsm: JetStreamManager, options: Pick<StreamOptions, "replicas">): Promise<void> {
  await ensureStream(jsm, memoryStream(options), false);
}

/** Makes the stream of what users want to be told, which edges and tool workers use. Nobody raises its settings. */
export async function setUpNotices(jsm: JetStreamManager, options: Pick<StreamOptions, "replicas">): Promise<void> {
  await ensureStream(jsm, noticeStream(options), false);
}

/** Makes the stream of the gate, which only edges use: others need no right to it. Nobody raises its settings. */
export async function setUpGate(jsm: JetStreamManager, options: Pick<StreamOptions, "replicas">): Promise<void> {
  await ensureStream(jsm, gateStream(options), false);
}

/** Returns its settings; undefined: it has others than these, and who does not own it may not ask which. */
export async function ensureStream(
  jsm: JetStreamManager,
  config: Config,
  isOwner: boolean,
): Promise<StreamConfig | undefined> {
  try {
    return (await jsm.streams.add(config)).config;
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || !mayBeThere.has(error.code)) throw error;
    if (!isOwner) return undefined;
    // Throws when it is not there: then there is no room for it indeed.
    const info = await jsm.streams.info(config.name);
    // One that an earlier version made keeps the generation that all go by at present.
    const metadata = config.metadata && generationMadeAt(generationOf(info));
    const raised = raisedTo(info.config, { ...config, metadata });
    if (raised !== undefined) await jsm.streams.update(config.name, raised);
    return info.config;
  }
}

/** Undefined: it is not there. */
async function findConsumer(jsm: JetStreamManager, stream: string, consumer: string) {
  try {
    return await jsm.consumers.info(stream, consumer);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === consumerNotFound) return undefined;
    throw error;
  }
}

/** What makes a consumer; `ackWaitMs`: what this process wants it to be. */
interface WantedConsumer {
  readonly stream: string;
  readonly name: string;
  /** Default: all of the stream. */
  readonly filter?: string;
  readonly ackWaitMs: number;
}

/** No limit: what waits for a person, or for an earlier turn, stays unacknowledged too. At one, all others would stop. */
const mostPending = -1;
const mostPulls = 4_096;

/**
 * Returns the ack wait that holds now. Looks first: to add one that is there with other settings changes them. Of one that is there nothing is taken
 * back that a newer version has set.
 */
async function ensureConsumer(
  jsm: JetStreamManager,
  { stream, name, filter, ackWaitMs }: WantedConsumer,
  hadTime: boolean,
): Promise<number> {
  const info = await findConsumer(jsm, stream, name);
  // The worker counts attempts itself and ends the turn honestly; the broker must never give up silently.
  const forEver = { max_deliver: -1 };
  if (info === undefined) {
    const bounds = { max_ack_pending: mostPending, max_waiting: mostPulls, ...forEver };
    const what = filter === undefined ? {} : { filter_subject: filter };
    const ack = { ack_policy: AckPolicy.Explicit, ack_wait: nanos(ackWaitMs) };
    await jsm.consumers.add(stream, { durable_name: name, ...what, ...ack, ...bounds });
    return ackWaitMs;
  }
  const { config: found, num_ack_pending: delivered, num_waiting: pullsWait } = info;
  const foundMs = millis(found.ack_wait ?? nanos(ackWaitMs));
  const heldMs = ackWaitFor(foundMs, ackWaitMs, { delivered, pullsWait }, hadTime);
  const max_ack_pending = highest(found.max_ack_pending ?? mostPending, mostPending);
  const max_waiting = Math.max(found.max_waiting ?? 0, mostPulls);
  const raised = { ...found, ...forEver, ack_wait: nanos(heldMs), max_ack_pending, max_waiting };
  await jsm.consumers.update(stream, name, raised);
  return heldMs;
}

export interface SetUpDeps {
  /** Whether workers of an older version had their time to be replaced. */
  readonly hadTime: boolean;
  /** Told what the logs say. */
  readonly marks: LogMarks;
  readonly log: Logger;
}

/**
 * Makes the streams and the workers' consumers. Any process may do it, at any time, any number of times. Returns whether all is as wanted; false: the ack wait is still longer, or there is no consumer of decisions yet.
 */
export async function setUpStreams(
  jsm: JetStreamManager,
  options: StreamOptions,
  { hadTime, marks, log }: SetUpDeps,
): Promise<boolean> {
  const { ackWaitMs } = options;
  let isWhole = true;
  // The broker's permissions may be those of before there was one: all else goes on, and turns that wait are brought back by the janitor.
  const withoutWakes = (err: unknown): void => {
    isWhole = false;
    log.warn({ err }, "the consumer of people's decisions could not be made yet: turns that wait for them go on late");
  };
  const isOwner = ackWaitMs !== undefined;
  await ensureStream(jsm, turnsStream(options), isOwner);
  const held = isOwner
    ? [await ensureConsumer(jsm, { stream: streams.turns, name: turnsConsumer, ackWaitMs }, hadTime)]
    : [];
  for (let shard = 0; shard < options.shards; shard++) {
    await ensureStream(jsm, eventStream(shard, options), isOwner);
    const logs = await ensureStream(jsm, logStream(shard, options, marks.description()), isOwner);
    marks.found(shard, logs?.description);
    await ensureStream(jsm, factStream(shard, options), isOwner);
    if (!isOwner) continue;
    const wake = { stream: streams.facts(shard), name: wakeConsumer, filter: subjects.allDecisions(shard), ackWaitMs };
    // By it the workers hear of decisions. One that is unacknowledged is not done yet, so there may be any number.
    await ensureConsumer(jsm, wake, hadTime).then((heldMs) => held.push(heldMs), withoutWakes);
  }
  return isWhole && held.every((heldMs) => heldMs === ackWaitMs);
}
