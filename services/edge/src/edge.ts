import { createOfferBoard } from "@parley/bus";
import type { May, TurnRequest } from "@parley/protocol";
import { noTracing, type Logger, type Registry, type Tracing } from "@parley/runtime";
import uWS from "uWebSockets.js";
import { openGate } from "./admission/gate.ts";
import type { Admission } from "./admission/admit.ts";
import type { Limiter } from "./admission/limits.ts";
import type { Tokens } from "./admission/tokens.ts";
import { createAdmissionRoom, type WaysIn } from "./admission-room.ts";
import { startCanary } from "./canary.ts";
import { createConversationRoom } from "./conversation-room.ts";
import { facades as allFacades, socketFacades } from "./facades.ts";
import { openLimiter, type LimiterOptions } from "./edge-limiter.ts";
import { cancelAllOf } from "./commands/cancel-all.ts";
import { createCommands } from "./commands/commands.ts";
import type { PushSettings } from "./commands/notices/choices.ts";
import { startFileCare } from "./commands/files/care.ts";
import { defaultFileSettings, type FileSettings } from "./commands/files/files.ts";
import { openNotices } from "./commands/notices/notices.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import { openConnections, type ConnectionOptions } from "./commands/connections/connections.ts";
import { createIsOperator } from "./commands/handovers.ts";
import { createAgentNames, createOfferReading } from "./commands/offer.ts";
import type { IsKeptOut } from "./commands/open-call.ts";
import { createOwnership } from "./commands/ownership.ts";
import { createWriterMarks } from "./commands/reading.ts";
import { createViewing } from "./commands/viewing.ts";
import { createAnswerTimes } from "./delivery/answer-times.ts";
import type { Deadlines } from "./delivery/connection.ts";
import { deliveryLimits, type DeliveryLimits } from "./delivery/delivery-limits.ts";
import { addEdgeMetrics, countOne, createCounters, type Counters } from "./figures/metrics.ts";
import { addPrivacyFigures } from "./figures/privacy-figures.ts";
import { closing, createHubRoom, followBroker, type Counting, type HubRoom } from "./hub-room.ts";
import { openPrivacy, type PrivacyOptions, type PrivacyRoom } from "./privacy-room.ts";
import { createReadiness, type Readiness } from "./readiness.ts";
import { createBegunStreams } from "./transport/begun-streams.ts";
import { createConnections, type ConnectionsDeps } from "./transport/connections.ts";
import type { Facade } from "./transport/facade.ts";
import { addHttpService } from "./transport/http-service.ts";
import { capConnections, listenPublicly, type ListenOptions } from "./transport/listener.ts";
import type { Pages } from "./transport/pages.ts";
import { startSweeping } from "./sweeping.ts";
import { addSocketService } from "./transport/socket-service.ts";

export interface EdgeOptions extends LimiterOptions, WaysIn, Pick<ConnectionOptions, "accounts"> {
  /** Without it nobody gets a list of conversations, and nobody can sign in. */
  readonly redis?: Redis;
  readonly listen: ListenOptions;
  readonly tokens: Tokens;
  /** What callers may do. */
  readonly may: May;
  /** How long conversations are kept, and what becomes of who is erased. */
  readonly privacy?: PrivacyOptions;
  /** Offers tokens to whoever asks. */
  readonly isDevelopment: boolean;
  readonly allowedOrigins: readonly string[];
  /** Under which address people reach this deployment, without a path. Default: as each request names it. */
  readonly publicUrl?: string | undefined;
  readonly maxConnections: number;
  readonly pages: Pages;
  /** People who are away are told of what addresses them, so long after it was said; needs Redis. Default: nobody is. */
  readonly noticeDelayMs?: number | undefined;
  /** With the beginning of the message. Default: not. */
  readonly noticeText?: boolean;
  /** How browsers are sent notices. Default: not at all. */
  readonly push?: PushSettings;
  /** Default: files of 256 MB, kept for a day where nobody sends them. */
  readonly files?: FileSettings;
  /** Protocols of others that it speaks. Default: all. */
  readonly facades?: readonly Facade[];
  readonly version: string;
  /** Where its metrics are added. */
  readonly registry: Registry;
  /** How long an HTTP request may wait for its answer. */
  readonly maxHttpWaitMs?: number;
  readonly limits?: DeliveryLimits;
  readonly deadlines?: Deadlines;
  /** Default: none. */
  readonly tracing?: Tracing;
  readonly log: Logger;
}

export interface Edge {
  readonly port: number;
  readonly registry: Registry;
  /** What keeps this process from serving, as sentences; empty when it is ready. */
  problems(): string[];
  /** Who somebody is who asks at another port of this process. */
  readonly admission: Admission;
  /** What users and tenants have used of models. */
  readonly usage: Limiter["usage"];
  /** Holds, erasures, and the sweep of old conversations. */
  readonly privacy: Omit<PrivacyRoom, "close">;
  /** Open sockets, and HTTP requests that wait. */
  sockets(): number;
  /** Asks all turns of a user to stop. Returns how many. */
  cancelAllOf(userId: string, order: { readonly by: string; readonly reason: string }): Promise<number>;
  /** Accepts nothing new, and sends everybody away in batches. The process lives on; nothing makes it accept again. */
  drain(): Promise<void>;
  /** Accepts nothing new, sends everybody away in batches, and lets go of everything. */
  stop(): Promise<void>;
}

const defaultDeadlines: Deadlines = { authMs: 5_000, anonymousMs: 1_800_000, warnMs: 60_000, graceMs: 25_000 };

/** Longer than answers take, shorter than load balancers wait at the most. */
const defaultHttpWaitMs = 600_000;

const noPush: PushSettings = { publicKey: undefined, hosts: [] };

/** `commands`: what callers may ask. */
function createCommandRoom(
  options: EdgeOptions,
  hubRoom: HubRoom,
  { counters, limiter }: { readonly counters: Counters; readonly limiter: Limiter },
) {
  const { bus, redis, may, gate = openGate, tracing = noTracing, log } = options;
  const { files: fileSettings = defaultFileSettings } = options;
  const { outbox, hubs, catchUp, resuming, waiting, guests, signals, known, seenChanges } = hubRoom;
  const { messages: limits, conversations: quota, subscriptions, usage } = limiter;
  const isOperator = createIsOperator(bus, may);
  const ownership = createOwnership({ owners: bus.owners, known, may, quota, isOperator });
  const viewing = createViewing({ hubs, catchUp, resuming, waiting, events: bus.events, subscriptions, ...guests });
  const { hasChanges, shown, conversations } = createConversationRoom(options, hubRoom, ownership);
  const notices = openNotices(options, { ownership, signals });
  const moveMark = createWriterMarks({ ownership, signals });
  const onAccepted = (request: TurnRequest): void => {
    conversations.accepted(request);
    moveMark(request);
  };
  const isKeptOut: IsKeptOut = (caller) =>
    gate.isCallerRevoked(caller) || gate.blockedUntil("", caller.user.id) !== undefined;
  const { lists } = conversations;
  const parts = {
    bus,
    known,
    lists,
    ownership,
    may,
    isKeptOut,
    limits,
    viewing,
    outbox,
    onAccepted,
    onSaid: notices?.said,
    counters,
    tracing,
    ...{ guests, signals, onChanged: seenChanges.add, hasChanges },
    agentNames: createAgentNames(redis && createOfferBoard({ redis, log })),
    ...{ usage, subscriptions, uploads: limiter.uploads, fileSettings },
  };
  const commands = createCommands(parts);
  const care = startFileCare({ files: bus.files, settings: fileSettings, figures: counters.files, log });
  const close = closing(conversations.close, notices?.close, care);
  return { ownership, viewing, conversations, commands, shown, close };
}

type CommandRoom = ReturnType<typeof createCommandRoom>;

function createOnClosed({ counters, answers, limiter }: Counting & Pick<TransportNeeds, "limiter">) {
  const onClosed: ConnectionsDeps["onClosed"] = (connection, end) => {
    limiter.sockets.closed(connection);
    for (const one of [connection, ...(connection.acting?.users.values() ?? [])]) answers.left(one);
    counters.connections.closed(connection, end);
  };
  return onClosed;
}

/** `transport` and `admission`: the sockets and requests of one port. */
function createTransportRoom(
  options: EdgeOptions,
  { outbox, catchUp }: HubRoom,
  { ownership, viewing, conversations, commands, shown }: CommandRoom,
  { counters, answers, limiter, isBrokerWell, isStopping, problems }: TransportNeeds,
) {
  const { bus, redis, tokens, gate = openGate, may, isDevelopment, maxConnections, pages, version, log } = options;
  const { limits = deliveryLimits, deadlines = defaultDeadlines } = options;
  const { maxHttpWaitMs: maxWaitMs = defaultHttpWaitMs, facades = allFacades } = options;
  const origins = { allowed: options.allowedOrigins, allowLoopback: isDevelopment };
  const onClosed = createOnClosed({ counters, answers, limiter });
  const connections = createConnections({ deadlines, outbox, counters, note: gate.note, onClosed });
  const ways = createAdmissionRoom(options, outbox, connections.shut);
  const app = uWS.App();
  const onRefused = (): void => countOne(counters.refusedUpgrades, "OVERLOADED");
  const socketGone = capConnections(app, { maxConnections, accepts: limiter.accepts, onRefused });
  const service = {
    tokens,
    ...ways,
    may,
    origins,
    limiter,
    isDevelopment,
    maxConnections,
    isBrokerWell,
    isStopping,
    connections,
    outbox,
    catchUp,
    ownership,
    viewing,
    commands,
    counters,
    log,
  };
  const offer = createOfferReading({ board: redis && createOfferBoard({ redis, log }), may });
  const shared = { ...service, bus, conversations, offer };
  const begun = createBegunStreams({ redis, transcripts: bus.transcripts, log });
  const sockets = { facades: socketFacades, socketGone, limits, eventWindowMs: bus.eventWindowMs, begun };
  addSocketService(app, { ...shared, ...sockets });
  const told = { version, problems, notes: () => [...tokens.notes(), ...gate.notes()] };
  const accounts = openConnections(options);
  const privacy = openPrivacy(options, { conversations, shown, accounts, sessions: ways.signIn?.sessions });
  const noticeSettings = { push: options.push ?? noPush, areNoticesOn: options.noticeDelayMs !== undefined };
  const others = {
    accounts,
    privacy,
    redis,
    maxWaitMs,
    pages,
    facades,
    publicUrl: options.publicUrl,
    ...noticeSettings,
  };
  // Who asks over HTTP is shown messages as they stand now.
  const shownBus = { ...bus, transcripts: { ...bus.transcripts, ...shown } };
  const http = addHttpService(app, { ...shared, bus: shownBus, ...told, ...others });
  return { app, connections, http, ways, privacy };
}

interface TransportNeeds extends Counting, Readiness {
  readonly limiter: Limiter;
}

/** Wires the rooms of an edge, the innermost first, and starts to listen. Throws StartError when the port cannot be had. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { bus, registry, maxConnections: maxSockets, log } = options;
  const counters = createCounters();
  const answers = createAnswerTimes(counters.answers);
  const canary = startCanary({ nc: bus.nc, log });
  const readiness = createReadiness(bus, canary.isAlive);

  const hubRoom = createHubRoom(options, { counters, answers });
  const limiter = openLimiter(options, counters);
  const commandRoom = createCommandRoom(options, hubRoom, { counters, limiter });
  const needs = { ...readiness, counters, answers, limiter };
  const { app, connections, http, ways, privacy } = createTransportRoom(options, hubRoom, commandRoom, needs);
  const { outbox, hubs, catchUp, waiting, signals } = hubRoom;
  const sweeping = startSweeping([limiter, connections, ways, outbox, catchUp, waiting, signals, hubs, http]);
  const stopFollowing = followBroker(bus, hubs);

  const release = (): void => {
    clearInterval(sweeping);
    stopFollowing();
    connections.stop();
    void privacy.close();
    for (const part of [limiter, ways, commandRoom, hubRoom]) part.close();
    canary.stop();
    app.close();
  };
  const listener = await listenPublicly(app, options.listen).catch((error: unknown) => {
    release();
    throw error;
  });
  const sockets = (): number => connections.size;
  const figures = { hubs: hubs.stats, load: limiter.stats, outbox: outbox.stats };
  addEdgeMetrics(registry, counters, { sockets, maxSockets, ...figures });
  addPrivacyFigures(registry, privacy);
  const leave = async (why: string): Promise<void> => {
    readiness.leave(why);
    listener.stop();
    await connections.sayGoodbye();
    await signals.settle();
    await privacy.close();
  };
  return {
    port: listener.port,
    registry,
    problems: readiness.problems,
    admission: ways.admission,
    usage: limiter.usage,
    privacy,
    sockets,
    cancelAllOf: (user, order) => cancelAllOf(bus, user, order),
    drain: () => leave("This process was drained: it takes nothing new."),
    stop: () => leave("This process is shutting down.").then(release),
  };
}
