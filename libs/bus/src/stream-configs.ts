import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { limits, streams, subjects } from "@parley/protocol";
import { factStreamBytes } from "./fact-room.ts";
import { generationMadeAt } from "./stream-generation.ts";

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

export type Config = Partial<StreamConfig> & Pick<StreamConfig, "name" | "subjects">;

export function turnsStream({ replicas }: StreamOptions): Config {
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

export function eventStream(
  shard: number,
  { replicas, eventsMaxBytes, eventWindowMs, metadata }: StreamOptions,
): Config {
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

export function logStream(shard: number, { replicas }: StreamOptions, description: string | undefined): Config {
  const { allLog, allOwners, allTitles, allFeedback, allHandovers, allSummaries } = subjects;
  const { allPeople, allPosts, allChanges, allReads, allErased } = subjects;
  const ofRooms = [allPeople, allPosts, allChanges, allReads, allErased];
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

export function factStream(shard: number, { replicas, factsMaxBytes }: StreamOptions): Config {
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

export function gateStream({ replicas }: Pick<StreamOptions, "replicas">): Config {
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

export function memoryStream({ replicas }: Pick<StreamOptions, "replicas">): Config {
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

export function noticeStream({ replicas }: Pick<StreamOptions, "replicas">): Config {
  return {
    name: streams.notices,
    subjects: [subjects.allNotices],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    // Each record is bounded; whoever wants to be told nothing any more must always find room to say so.
    allow_direct: true,
  };
}

export function auditStream({
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
