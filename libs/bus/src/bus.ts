import { jetstreamManager } from "@nats-io/jetstream";
import { limits, type RecordFormat } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import { createAgentSignals, type AgentSignals } from "./agent-signals.ts";
import type { AuditLog } from "./audit-log.ts";
import { hasStreamMetadata, isTooOldForCluster, oldestForCluster } from "./broker-version.ts";
import { conversationParts } from "./conversation-parts.ts";
import { createDecisions, type Decisions } from "./decisions.ts";
import type { DocumentQuestions } from "./document-questions.ts";
import type { DocumentStore } from "./document-store.ts";
import type { BrokerClock } from "./broker-clock.ts";
import type { Erasing } from "./erasing.ts";
import type { Encryption } from "./encryption.ts";
import { createEventRoom } from "./event-room.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { createFacts, type Facts } from "./facts.ts";
import type { Files, FilesOptions } from "./files.ts";
import type { FeedbackLog } from "./feedback.ts";
import type { Handovers } from "./handovers.ts";
import type { GateLog } from "./gate-log.ts";
import type { Memories } from "./memories.ts";
import type { NoticeRecords } from "./notice-records.ts";
import type { MessageChangeLog } from "./message-changes.ts";
import { connectNats, type BrokerLink, type NatsOptions } from "./nats-connection.ts";
import { openStorage } from "./bus-storage.ts";
import { askTimeoutMs } from "./patient-lookups.ts";
import { watchPayloadLimit } from "./payload-limit.ts";
import { createUnreadable, type Unreadable } from "./unreadable.ts";
import type { StreamOptions } from "./stream-configs.ts";
import type { Posts } from "./posts.ts";
import type { PrivacyLog } from "./privacy-log.ts";
import type { Owners } from "./owners.ts";
import type { PeopleLog } from "./people.ts";
import { createStreamWatch, type Disturbed } from "./stream-watch.ts";
import type { StoredConversations } from "./stored-conversations.ts";
import type { SealedTexts } from "./sealed-texts.ts";
import type { KeyFigures } from "./sealing.ts";
import type { ReadMarks } from "./read-marks.ts";
import { openSharedLogs } from "./shared-logs.ts";
import { createRoomSignals, type RoomSignals } from "./signals.ts";
import type { Summaries } from "./summaries.ts";
import type { Titles } from "./titles.ts";
import { createTranscripts, type Transcripts } from "./transcripts.ts";
import { createTurnQueue, type TurnQueue } from "./turn-queue.ts";
import type { UsageLog } from "./usage-log.ts";
import { createWaitingTexts, type WaitingTexts } from "./waiting-texts.ts";

export interface BusOptions extends NatsOptions, Partial<Omit<StreamOptions, "metadata">> {
  /** Default: nothing is encrypted. */
  readonly encryption?: Encryption | undefined;
  /** Default: their bytes at the broker. */
  readonly files?: FilesOptions | undefined;
}

export interface Bus extends BrokerLink {
  readonly events: EventLog;
  /** What decides, for longer than events are kept. */
  readonly facts: Facts;
  /** How long events are kept, as this process is configured. */
  readonly eventWindowMs: number;
  /** What all versions can read that have used the log of this deployment, as far as the owner of the streams knew at its start. Others may not ask. */
  readonly recordFormat: RecordFormat;
  /** What is stored and could not be read by this process. */
  readonly unreadable: Unreadable;
  readonly turns: TurnQueue;
  readonly waitingTexts: WaitingTexts;
  /** What people have decided, as work to be done. */
  readonly decisions: Decisions;
  readonly agents: AgentSignals;
  readonly transcripts: Transcripts;
  /** The broker's, for what is compared with the times of what is stored. For edges: others have no right to ask. */
  readonly clock: BrokerClock;
  readonly owners: Owners;
  /** Who has a part in conversations beside whoever began them. For edges: others may only read it. */
  readonly people: PeopleLog;
  readonly titles: Titles;
  /** What people say of answers. For edges: others have no right to write it. */
  readonly feedback: FeedbackLog;
  /** What the beginnings of long conversations came to. */
  readonly summaries: Summaries;
  /** Conversations in which a person answers in place of the agent. */
  readonly handovers: Handovers;
  /** What became of messages after they were written: edits, deletion, reactions. */
  readonly changes: MessageChangeLog;
  /** What people write to each other. For edges: others have no right to write it. */
  readonly posts: Posts;
  /** What edges tell each other of rooms. For edges: others have no right to it. */
  readonly signals: RoomSignals;
  /** How far members of conversations have read. For edges: others have no right to write it. */
  readonly readMarks: ReadMarks;
  readonly conversations: StoredConversations;
  /** What was revoked. For edges; tool workers may ask by exact names. */
  readonly gate: GateLog;
  /** What users want to be remembered. For edges and agent workers: others have no right to it. */
  readonly memories: Memories;
  /** What users want to be told when they are away, and where. For edges and tool workers: others have no right to it. */
  readonly noticeRecords: NoticeRecords;
  /** Files that people, tools and agents bring. Edges do all with them; the others read, and bring. */
  readonly files: Files;
  /** Who did what. For edges and tool workers: others have no right to it. */
  readonly audit: AuditLog;
  /** What tenants have brought. Edges write it, agent workers read it. */
  readonly documents: DocumentStore;
  /** What edges ask agent workers about documents. */
  readonly documentQuestions: DocumentQuestions;
  /** What turns have used. Agent workers write it, edges read it: others have no right to it. */
  readonly usage: UsageLog;
  /** Who is held, and who wants to be forgotten. For edges: others have no right to it. */
  readonly privacy: PrivacyLog;
  /** Takes single records out of conversations that stay. For edges: others have no right to it. */
  readonly erasing: Erasing;
  /** For what is kept of people's words elsewhere than in streams. */
  readonly texts: SealedTexts;
  /** Erases the key of a scope (`SealPlace`), for all and for ever. Where nothing is encrypted, nothing. */
  shred(scope: string): Promise<void>;
  /** Undefined: nothing is encrypted here. */
  readonly keyFigures: KeyFigures | undefined;
  /** Calls the listener when live events may be missing although the connection held, until the signal. Only a cluster loses any that way. */
  watchStreams(onDisturbed: Disturbed, signal: AbortSignal): void;
  /** See `createEventRoom`. */
  eventsFill(): Promise<number>;
  /** Appends that the broker refused for want of room. */
  appendsWithoutRoom(): number;
  /** What keeps the broker from serving this process, as sentences; empty when nothing does. */
  problems(): string[];
  /** Lets what was published leave, then closes. */
  close(): Promise<void>;
}

const defaults: Omit<StreamOptions, "metadata"> = {
  shards: 1,
  replicas: 1,
  eventsMaxBytes: 8 * 2 ** 30,
  eventWindowMs: limits.resumeWindowMs,
  factsMaxBytes: 4 * 2 ** 30,
  auditKeepMs: 90 * 86_400_000,
  auditMaxBytes: 2 * 2 ** 30,
  usageKeepMs: 400 * 86_400_000,
  usageMaxBytes: 2 * 2 ** 30,
};

/** Connects to NATS, makes sure the streams are there, and opens what is built on them. */
export async function openBus({ servers, tls, name, log, files, encryption, ...rest }: BusOptions): Promise<Bus> {
  const link = await connectNats({ servers, tls, name, log });
  const options = completed(rest, link);
  warnOfOldCluster(link, options, log);
  const manager = await jetstreamManager(link.nc, { checkAPI: false, timeout: askTimeoutMs });
  const storage = await openStorage({ link, manager, options, log }, encryption);
  const { outbox, appender, jsm, stored, opening, sealing, restore, recordFormat } = storage;
  const payloadLimit = watchPayloadLimit(link, log);
  const unreadable = createUnreadable(log);
  const { shards, eventWindowMs } = options;
  const events = createEventLog({ link, jsm, stored, appender, shards, unreadable, opening, log, restore });
  const transcripts = createTranscripts(jsm, events, unreadable);
  const facts = createFacts({ jsm, appender, shards, unreadable });
  const sharedDeps = { link, jsm, append: appender.append, unreadable, opening, sealing: sealing.ofFiles };
  const shared = openSharedLogs(sharedDeps, manager, { options, files, log });
  const ofConversations = { link, jsm, events, facts, files: shared.files, shards, unreadable, log };
  return {
    ...link,
    events,
    facts,
    ...{ eventWindowMs, recordFormat, unreadable },
    waitingTexts: createWaitingTexts({ jsm, events, unreadable }),
    turns: createTurnQueue({ link, outbox, jsm, events, transcripts, facts, eventWindowMs, unreadable, opening, log }),
    decisions: createDecisions({ link, outbox, events, shards, unreadable, opening, log }),
    agents: createAgentSignals(link, outbox, log),
    signals: createRoomSignals({ link, shards, log }),
    transcripts,
    ...shared,
    ...conversationParts(ofConversations, sealing, eventWindowMs),
    ...{ texts: sealing.texts, shred: sealing.shred, keyFigures: sealing.figures },
    watchStreams(onDisturbed, signal) {
      if (options.replicas > 1) createStreamWatch({ jsm: manager, shards: options.shards }).start(onDisturbed, signal);
    },
    eventsFill: createEventRoom(jsm, shards),
    appendsWithoutRoom: appender.withoutRoom,
    problems: () =>
      link.connected()
        ? [...payloadLimit.problems(), ...appender.problems(), ...sealing.problems()]
        : ["The broker cannot be reached."],
    async close() {
      shared.files.close();
      payloadLimit.close();
      storage.close();
      // Draining needs the broker; without it there is nothing that could still leave.
      await withDeadline(link.nc.drain(), 1_000, "draining the broker connection").catch(() => link.nc.close());
    },
  };
}

function completed(options: Partial<StreamOptions>, { nc }: BrokerLink): StreamOptions {
  const metadata = hasStreamMetadata(nc.info?.version ?? "");
  return { ...defaults, ...options, metadata };
}

function warnOfOldCluster({ nc }: BrokerLink, { replicas }: StreamOptions, log: Logger): void {
  const version = nc.info?.version ?? "";
  if (replicas === 1 || !isTooOldForCluster(version)) return;
  log.warn({ version }, `a cluster of this NATS loses events when a server dies: use ${oldestForCluster} or newer`);
}
