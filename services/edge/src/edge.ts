import type { Bus } from "@parley/bus";
import type { May } from "@parley/protocol";
import { noTracing, type Logger, type Registry, type Tracing } from "@parley/runtime";
import uWS from "uWebSockets.js";
import type { ApiKeys } from "./admission/api-keys.ts";
import { openGate, type Gate } from "./admission/gate.ts";
import type { Admission } from "./admission/admit.ts";
import type { Tokens } from "./admission/tokens.ts";
import { startCanary } from "./canary.ts";
import { cancelAllOf } from "./commands/cancel-all.ts";
import { createCommands } from "./commands/commands.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import { createConversations } from "./commands/conversations/conversations.ts";
import { createOwnership } from "./commands/ownership.ts";
import { createViewing } from "./commands/viewing.ts";
import { createAnswerTimes, type AnswerTimes } from "./delivery/answer-times.ts";
import type { Deadlines } from "./delivery/connection.ts";
import { deliveryLimits, type DeliveryLimits } from "./delivery/delivery-limits.ts";
import { createDelivery } from "./delivery/delivery.ts";
import { createOutbox } from "./delivery/outbox.ts";
import { addEdgeMetrics, createCounters, type Counters } from "./figures/metrics.ts";
import { createCatchUp } from "./hub/catch-up.ts";
import { createDeletionNotice } from "./hub/deletion-notice.ts";
import { createHistory } from "./hub/history.ts";
import { settle, type Hub, type HubViewer } from "./hub/hub.ts";
import { createHubs, type Hubs } from "./hub/hubs.ts";
import { createResuming } from "./hub/resuming.ts";
import { moveViewer } from "./hub/viewer.ts";
import { createWaiting } from "./hub/waiting.ts";
import { createWholeConversations } from "./hub/whole-conversation.ts";
import type { Revoke } from "./transport/auth-routes.ts";
import { createConnections } from "./transport/connections.ts";
import { addHttpService } from "./transport/http-service.ts";
import { listenPublicly, type ListenOptions } from "./transport/listener.ts";
import type { Reply } from "./transport/reply.ts";
import { addSocketService } from "./transport/socket-service.ts";
import { createAdmissionRoom, type SignInOptions } from "./admission-room.ts";

export interface EdgeOptions {
  readonly bus: Bus;
  /** In the role `cache`; without it nobody gets a list of conversations. */
  readonly redis?: Redis;
  readonly listen: ListenOptions;
  readonly tokens: Tokens;
  /** Default: none. */
  readonly apiKeys?: Pick<ApiKeys, "identify" | "isCurrent" | "onShut" | "sweep">;
  /** Signing in at the page, which needs Redis. Default: nobody can. */
  readonly signIn?: SignInOptions | undefined;
  /** Default: nothing can be revoked but sign-ins. */
  readonly revoke?: Revoke;
  /** Default: one that keeps nobody out. */
  readonly gate?: Gate;
  /** What callers may do. */
  readonly may: May;
  /** Offers tokens to whoever asks. */
  readonly isDevelopment: boolean;
  readonly allowedOrigins: readonly string[];
  readonly maxConnections: number;
  readonly pages: ReadonlyMap<string, Reply>;
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

const sweepEveryMs = 1_000;

interface Counting {
  readonly counters: Counters;
  readonly answers: AnswerTimes;
}

/** `delivery` and `hub`: what comes from the broker, and what each viewer gets of it. */
function createHubRoom({ bus, limits = deliveryLimits, log }: EdgeOptions, { counters, answers }: Counting) {
  const { events, facts, turns, transcripts, titles, waitingTexts } = bus;
  const outbox = createOutbox({ limits, counters, answers });
  const delivery = createDelivery<HubViewer, Hub>({ outbox, settle, lag: (viewer) => moveViewer(viewer, "lagging") });
  const { mark } = delivery;
  const history = createHistory({ events, facts, turns });
  const waiting = createWaiting({ turns, waitingTexts, outbox, log });
  const recovery = { outbox, counters, mark, tellQueue: waiting.tell };
  const { lookOnce } = waiting;
  const whole = createWholeConversations({ ...recovery, history, events, transcripts, titles, lookOnce, log });
  const catchUp = createCatchUp({ ...recovery, history, whole, log });
  const resuming = createResuming({ events, turns, transcripts, history, catchUp: catchUp.catchUp, log });
  const hubs = createHubs({
    events,
    limits,
    counters,
    mark,
    catchUp: catchUp.catchUp,
    lookAtQueue: (hub) => void waiting.look(hub),
    tellDeleted: createDeletionNotice({ outbox, events, log }),
    log,
  });
  return { outbox, delivery, hubs, catchUp, resuming, waiting };
}

type HubRoom = ReturnType<typeof createHubRoom>;

/** `commands`: what callers may ask. */
function createCommandRoom(
  { bus, redis, may, tracing = noTracing, log }: EdgeOptions,
  { outbox, hubs, catchUp, resuming, waiting }: HubRoom,
  counters: Counters,
) {
  const ownership = createOwnership({ owners: bus.owners, may });
  const viewing = createViewing({ hubs, catchUp, resuming, waiting, events: bus.events });
  const conversations = createConversations({ bus, redis, onDeleted: hubs.forget, log });
  const onAccepted = conversations.accepted;
  const commands = createCommands({ bus, ownership, may, viewing, outbox, onAccepted, counters, tracing });
  return { ownership, viewing, conversations, commands };
}

type CommandRoom = ReturnType<typeof createCommandRoom>;

/** `transport` and `admission`: the sockets and requests of one port. */
function createTransportRoom(
  options: EdgeOptions,
  { outbox, catchUp }: HubRoom,
  { ownership, viewing, conversations, commands }: CommandRoom,
  { counters, answers, isBrokerWell, isStopping, problems }: Counting & Readiness,
) {
  const {
    bus,
    redis,
    tokens,
    gate = openGate,
    revoke,
    may,
    isDevelopment,
    maxConnections,
    pages,
    version,
    log,
  } = options;
  const {
    limits = deliveryLimits,
    deadlines = defaultDeadlines,
    maxHttpWaitMs: maxWaitMs = defaultHttpWaitMs,
  } = options;
  const origins = { allowed: options.allowedOrigins, allowLoopback: isDevelopment };
  const connections = createConnections({
    deadlines,
    outbox,
    counters,
    onClosed(connection, end) {
      answers.left(connection);
      counters.connections.closed(connection, end);
    },
  });
  const room = createAdmissionRoom(options, outbox);
  const { admission, tickets, signIn, keeper } = room;
  const app = uWS.App();
  const service = {
    tokens,
    admission,
    may,
    origins,
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
  addSocketService(app, { ...service, keeper, limits, eventWindowMs: bus.eventWindowMs });
  const http = addHttpService(app, {
    ...{ ...service, bus, redis, conversations, tickets, signIn, revoke },
    ...{ maxWaitMs, pages, version, problems, notes: () => [...tokens.notes(), ...gate.notes()] },
  });
  const stops = [gate.onShut(connections.shut), room.onShut(connections.shut)];
  return { app, connections, http, room, stopShutting: () => stops.forEach((stop) => stop()) };
}

interface Readiness {
  readonly isBrokerWell: () => boolean;
  readonly isStopping: () => boolean;
  readonly problems: () => string[];
}

interface Swept {
  sweep(nowMs: number): void;
}

/** What happens by the clock: one timer for all sockets and conversations. */
function startSweeping(parts: readonly Swept[]): NodeJS.Timeout {
  return setInterval(() => {
    const nowMs = performance.now();
    for (const part of parts) part.sweep(nowMs);
  }, sweepEveryMs);
}

/** What hubs must know of the broker: whether it is there, and whether it may have kept copies to itself. Returns how to stop. */
function followBroker(bus: Bus, hubs: Hubs): () => void {
  const forgetReconnects = bus.onReconnect(() => void hubs.syncAll());
  const forgetDisconnects = bus.onDisconnect(hubs.pauseAll);
  const watching = new AbortController();
  bus.watchStreams((shard, afterSeq) => void hubs.syncShard(shard, afterSeq), watching.signal);
  return () => {
    forgetReconnects();
    forgetDisconnects();
    watching.abort();
  };
}

/** Wires the rooms of an edge, the innermost first, and starts to listen. Throws StartError when the port cannot be had. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { bus, registry, maxConnections: maxSockets, log } = options;
  /** Why this process takes nothing new; undefined: it does. */
  let leaving: string | undefined;
  const counters = createCounters();
  const answers = createAnswerTimes(counters.answers);
  const canary = startCanary({ nc: bus.nc, log });
  const problems = (): string[] => [
    ...(leaving === undefined ? [] : [leaving]),
    ...bus.problems(),
    ...(canary.isAlive() ? [] : ["The broker does not deliver messages."]),
  ];
  const isBrokerWell = (): boolean => bus.connected() && canary.isAlive();

  const hubRoom = createHubRoom(options, { counters, answers });
  const commandRoom = createCommandRoom(options, hubRoom, counters);
  const readiness = { isBrokerWell, isStopping: () => leaving !== undefined, problems };
  const { app, connections, http, room, stopShutting } = createTransportRoom(options, hubRoom, commandRoom, {
    ...readiness,
    counters,
    answers,
  });
  const { outbox, delivery, hubs, catchUp, waiting } = hubRoom;
  const sweeping = startSweeping([connections, room, outbox, catchUp, waiting, hubs, http]);
  const stopFollowing = followBroker(bus, hubs);

  const release = (): void => {
    clearInterval(sweeping);
    connections.stop();
    stopFollowing();
    stopShutting();
    commandRoom.conversations.close();
    canary.stop();
    hubs.close();
    delivery.stop();
    app.close();
  };
  const listener = await listenPublicly(app, options.listen).catch((error: unknown) => {
    release();
    throw error;
  });
  const sockets = (): number => connections.size;
  addEdgeMetrics(registry, counters, { sockets, maxSockets, hubs: hubs.stats, outbox: outbox.stats });
  const leave = async (why: string): Promise<void> => {
    leaving = why;
    listener.stop();
    await connections.sayGoodbye();
  };
  return {
    port: listener.port,
    registry,
    problems,
    admission: room.admission,
    sockets,
    cancelAllOf: (user, order) => cancelAllOf(bus, user, order),
    drain: () => leave("This process was drained: it takes nothing new."),
    async stop() {
      await leave("This process is shutting down.");
      release();
    },
  };
}
