import {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
} from "@nats-io/jetstream";
import { millis, nanos } from "@nats-io/transport-node";
import { limits, streams, subjects, turnsConsumer, wakeConsumer } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { factStreamBytes } from "./fact-room.ts";
import type { LogMarks } from "./log-marks.ts";
import { ackWaitFor, highest, raisedTo } from "./raised-settings.ts";
import { generationMadeAt, generationOf } from "./stream-generation.ts";

export interface StreamOptions {
  /** Fixed for a deployment: a conversation's shard is a hash modulo this. */
  readonly shards: number;
  readonly replicas: number;
  /**
   * How long a worker may be silent before its turn is given to another; it says `working` several times in it. Only the agent workers set
   * it: they own the consumer, and raise the settings of streams that exist already. Other processes only make what is missing.
   */
  readonly ackWaitMs?: number | undefined;
  /** Whether streams of this broker have metadata. */
  readonly metadata: boolean;
  /** Disk the event stream of one shard may use; the oldest events go first. */
  readonly eventsMaxBytes: number;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  /** Disk the facts of one shard may use until nothing new is accepted; a quarter more is for the turns that run then. */
  readonly factsMaxBytes: number;
  /** How long the audit log is kept, and the disk it may use, where this process makes it. */
  readonly auditKeepMs: number;
  readonly auditMaxBytes: number;
  /** How long what turns have used is kept, and the disk it may use, where this process makes it. */
  readonly usageKeepMs: number;
  readonly usageMaxBytes: number;
}

const streamNameInUse = 10_058;
/**
 * nats-server 2.9.10 looks for room before it looks whether the stream is there: where the limits of all streams and of one of them once more are
 * above `max_file_store`, it says so to everybody who comes second.
 */
const noStorageLeft = 10_047;
const mayBeThere: ReadonlySet<number> = new Set([streamNameInUse, noStorageLeft]);
const consumerNotFound = 10_014;

export type Config = Partial<StreamConfig> & Pick<StreamConfig, "name" | "subjects">;

function turnsStream({ replicas }: StreamOptions): Config {
  return {
    name: streams.turns,
    subjects: [subjects.allTurns],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: limits.turnsPerConversation,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    // Only the last fence: the workers end what waits too long (`turnQueueAgeMs`), and say so.
    max_age: nanos(limits.turnQueueKeepMs),
    duplicate_window: nanos(limits.duplicateWindowMs),
    allow_direct: true,
  };
}

function eventStream(shard: number, { replicas, eventsMaxBytes, eventWindowMs, metadata }: StreamOptions): Config {
  return {
    ...(metadata && { metadata: generationMadeAt(Date.now()) }),
    name: streams.events(shard),
    subjects: [subjects.allEvents(shard)],
    retention: RetentionPolicy.Limits,
    // Memory storage would make every fenced append scan the stream on nats-server 2.9.
    storage: StorageType.File,
    num_replicas: replicas,
    max_age: nanos(eventWindowMs),
    max_bytes: eventsMaxBytes,
    discard: DiscardPolicy.Old,
    allow_direct: true,
    republish: { src: subjects.allEvents(shard), dest: subjects.allLive(shard) },
  };
}

function logStream(shard: number, { replicas }: StreamOptions, description: string | undefined): Config {
  const { allLog, allOwners, allTitles, allFeedback, allHandovers, allSummaries } = subjects;
  const { allPeople, allPosts, allChanges, allReads } = subjects;
  const ofRooms = [allPeople, allPosts, allChanges, allReads];
  return {
    ...(description !== undefined && { description }),
    name: streams.log(shard),
    subjects: [allLog, allOwners, allTitles, allFeedback, allHandovers, allSummaries, ...ofRooms].map((all) =>
      all(shard),
    ),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    allow_direct: true,
  };
}

function factStream(shard: number, { replicas, factsMaxBytes }: StreamOptions): Config {
  return {
    name: streams.facts(shard),
    subjects: [subjects.allFacts(shard)],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_age: nanos(limits.factKeepMs),
    max_bytes: factStreamBytes(factsMaxBytes),
    // No decision is forgotten before its time: a full stream refuses new ones instead.
    discard: DiscardPolicy.New,
    allow_direct: true,
  };
}

function gateStream({ replicas }: Pick<StreamOptions, "replicas">): Config {
  return {
    name: streams.gate,
    subjects: [subjects.allRevoked],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    max_msgs: limits.revocations,
    max_bytes: limits.revocationsBytes,
    // Nothing that is revoked may become good again because there is more of it.
    discard: DiscardPolicy.New,
    allow_direct: true,
  };
}

function memoryStream({ replicas }: Pick<StreamOptions, "replicas">): Config {
  return {
    name: streams.memory,
    subjects: [subjects.allMemories],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    // Each record is bounded, and nobody's may push out another one's; what is to be forgotten must always find room.
    allow_direct: true,
  };
}

function auditStream({
  replicas,
  auditKeepMs,
  auditMaxBytes,
}: Pick<StreamOptions, "replicas" | "auditKeepMs" | "auditMaxBytes">): Config {
  return {
    name: streams.audit,
    subjects: [subjects.allAudit],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_age: nanos(auditKeepMs),
    max_bytes: auditMaxBytes,
    duplicate_window: nanos(limits.duplicateWindowMs),
    // What was done is not forgotten because somebody does much; a full log refuses, and with it what would change something.
    discard: DiscardPolicy.New,
    // Nobody takes an entry back, and no update of the stream can allow it again.
    deny_delete: true,
    deny_purge: true,
    allow_direct: true,
  };
}

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
