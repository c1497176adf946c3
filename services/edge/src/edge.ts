import type { Bus } from "@parley/bus";
import { noTracing, type Logger, type Registry, type Tracing } from "@parley/runtime";
import uWS, { type TemplatedApp } from "uWebSockets.js";
import type { Tokens } from "./auth/tokens.ts";
import { startCanary } from "./canary.ts";
import type { ConnectionEnd } from "./connection-end.ts";
import { createConversations, type Conversations } from "./conversations/conversations.ts";
import { createDeletionNotice } from "./conversations/deletion-notice.ts";
import type { Redis } from "./conversations/conversation-index.ts";
import { createDialectC } from "./dialect/dialect-c.ts";
import { undecidedDialect } from "./dialect/dialect-undecided.ts";
import type { Dialect } from "./dialect/dialect.ts";
import { deliveryLimits, type DeliveryLimits } from "./delivery-limits.ts";
import { createAuthHandler } from "./frames/auth-handler.ts";
import { createApproveHandler } from "./frames/approve-handler.ts";
import { createCancelHandler } from "./frames/cancel-handler.ts";
import { createDialectChooser } from "./frames/dialect-chooser.ts";
import { createFrameHandler } from "./frames/frame-handler.ts";
import { createMessageHandler } from "./frames/message-handler.ts";
import { createOwnership } from "./frames/ownership.ts";
import { createQueueHandler } from "./frames/queue-handler.ts";
import { createTitleHandler } from "./frames/title-handler.ts";
import { createViewing } from "./frames/viewing.ts";
import { addHttpService } from "./http/http-service.ts";
import type { Reply } from "./http/reply.ts";
import { createCatchUp } from "./hub/catch-up.ts";
import { createHistory } from "./hub/history.ts";
import { createResuming } from "./hub/resuming.ts";
import { settle, type Hub } from "./hub/hub.ts";
import { createHubs, type Hubs } from "./hub/hubs.ts";
import { createWaiting } from "./hub/waiting.ts";
import { createWholeConversations } from "./hub/whole-conversation.ts";
import { addEdgeMetrics, createCounters } from "./metrics.ts";
import { createAnswerTimes } from "./socket/answer-times.ts";
import type { Connection, Deadlines } from "./socket/connection.ts";
import { createConnections } from "./socket/connections.ts";
import { createDelivery } from "./socket/delivery.ts";
import { createInbox } from "./socket/inbox.ts";
import { listenPublicly, type ListenOptions } from "./socket/listener.ts";
import { createOutbox } from "./socket/outbox.ts";
import { createUpgrade } from "./socket/upgrade.ts";
import { createWebSocketBehavior } from "./socket/websocket.ts";

export interface EdgeOptions {
  readonly bus: Bus;
  /** In the role `cache`; without it nobody gets a list of conversations. */
  readonly redis?: Redis;
  readonly listen: ListenOptions;
  readonly tokens: Tokens;
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
  /** Accepts nothing new, sends everybody away in batches, and lets go of everything. */
  stop(): Promise<void>;
}

const defaultDeadlines: Deadlines = { authMs: 5_000, anonymousMs: 1_800_000, warnMs: 60_000, graceMs: 25_000 };

/** Longer than answers take, shorter than load balancers wait at the most. */
const defaultHttpWaitMs = 600_000;

const sweepEveryMs = 1_000;

/** From the broker to the sockets: conversations, their viewers, and what is sent to them. */
function createOutward({ bus, log, limits = deliveryLimits, deadlines = defaultDeadlines }: EdgeOptions) {
  const { events, transcripts, titles } = bus;
  const counters = createCounters();
  const answers = createAnswerTimes(counters.answers);
  const outbox = createOutbox({ limits, counters, answers });
  const delivery = createDelivery({ outbox, settle });
  const history = createHistory(bus);
  const waiting = createWaiting({ ...bus, outbox, log });
  const giving = { outbox, counters, mark: delivery.mark, tellQueue: waiting.tell };
  const whole = createWholeConversations({
    ...giving,
    history,
    events,
    transcripts,
    titles,
    lookOnce: waiting.lookOnce,
    log,
  });
  const catchUp = createCatchUp({ ...giving, history, whole, log });
  const resuming = createResuming({ ...bus, history, catchUp: catchUp.catchUp, log });
  const tellDeleted = createDeletionNotice({ outbox, events, log });
  const lookAtQueue = (hub: Hub): void => void waiting.look(hub);
  const bringing = { mark: delivery.mark, catchUp: catchUp.catchUp, tellDeleted, lookAtQueue };
  const hubs = createHubs({ events, limits, counters, ...bringing, log });
  const onClosed = (connection: Connection, end: ConnectionEnd): void => {
    answers.left(connection);
    counters.connections.closed(connection, end);
  };
  const connections = createConnections({ deadlines, outbox, onClosed });
  return { counters, outbox, delivery, catchUp, resuming, hubs, waiting, connections };
}

type Outward = ReturnType<typeof createOutward>;

/** From the sockets to the broker: what is done with each frame. */
function createInward(
  { bus, redis, tokens, tracing = noTracing, log }: EdgeOptions,
  { hubs, catchUp, resuming, waiting, outbox, counters }: Outward,
  isBrokerWell: () => boolean,
) {
  const ownership = createOwnership(bus.owners);
  const viewing = createViewing({ hubs, catchUp, resuming, waiting, events: bus.events });
  const { isOwn } = ownership;
  const conversations = createConversations({ bus, redis, onDeleted: hubs.forget, log });
  const { accepted: onAccepted } = conversations;
  const onMessage = createMessageHandler({ bus, ownership, viewing, outbox, onAccepted, counters, tracing });
  const onCancel = createCancelHandler({ bus, ownership });
  const onApprove = createApproveHandler({ bus, ownership, counters });
  const onQueue = createQueueHandler({ bus, ownership });
  const onTitle = createTitleHandler({ titles: bus.titles, ownership });
  const handle = createFrameHandler({
    chooseDialect: createDialectChooser({ outbox, isOwn, eventWindowMs: bus.eventWindowMs, counters }),
    onAuth: createAuthHandler({ tokens, outbox, counters, log }),
    onMessage,
    onCancel,
    onApprove,
    onTitle,
    onQueue,
    ownership,
    viewing,
    outbox,
    isBrokerWell,
    counters,
    log,
  });
  return {
    ...createInbox({ handle, outbox }),
    ownership,
    viewing,
    conversations,
    onMessage,
    onCancel,
    onApprove,
    onTitle,
    onQueue,
  };
}

interface Swept {
  sweep(nowMs: number): void;
}

/** What happens by the clock: one timer for all sockets and conversations. */
function startSweeping({ connections, outbox, catchUp, waiting, hubs }: Outward, http: Swept): NodeJS.Timeout {
  return setInterval(() => {
    const nowMs = performance.now();
    connections.sweep(nowMs);
    outbox.sweep(nowMs);
    catchUp.sweep();
    waiting.sweep();
    hubs.sweep(nowMs);
    http.sweep(nowMs);
  }, sweepEveryMs);
}

interface Readiness {
  readonly isBrokerWell: () => boolean;
  readonly isStopping: () => boolean;
  readonly problems: () => string[];
}

function createApp(
  options: EdgeOptions,
  outward: Outward,
  { isBrokerWell, isStopping, problems }: Readiness,
): { app: TemplatedApp; http: Swept; conversations: Conversations } {
  const { isDevelopment, maxConnections, maxHttpWaitMs = defaultHttpWaitMs, limits = deliveryLimits } = options;
  const { eventWindowMs } = options.bus;
  const { counters, connections } = outward;
  const inward = createInward(options, outward, isBrokerWell);
  const { receive } = inward;
  const { isOwn } = inward.ownership;
  const origins = { allowed: options.allowedOrigins, allowLoopback: isDevelopment };
  const openConnections = (): number => connections.size;
  const admission = { origins, maxConnections, openConnections, isStopping, counters };
  const app = uWS.App();
  const addSocketRoute = (path: string, otherDialect: () => Dialect, allowAnonymous: boolean): void => {
    const upgrade = createUpgrade({ ...admission, otherDialect, allowAnonymous });
    app.ws(path, createWebSocketBehavior({ ...outward, upgrade, limits, eventWindowMs, receive }));
  };
  addSocketRoute("/ws/chat", () => undecidedDialect, isDevelopment);
  addSocketRoute("/api/v1/async/chatbot", () => createDialectC({ isOwn, isUntyped: true }), false);
  const readiness = { isBrokerWell, isStopping, problems };
  const wait = { maxWaitMs: maxHttpWaitMs };
  const http = addHttpService(app, { ...options, ...outward, ...inward, ...readiness, ...wait, origins });
  return { app, http, conversations: inward.conversations };
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

/** Wires the parts of an edge and starts to listen. Throws StartError when the port cannot be had. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { bus, registry, log } = options;
  let isStopping = false;
  const outward = createOutward(options);
  const { counters, connections, hubs, outbox, delivery } = outward;
  const canary = startCanary({ nc: bus.nc, log });
  const problems = (): string[] => [
    ...(isStopping ? ["This process is shutting down."] : []),
    ...bus.problems(),
    ...(canary.isAlive() ? [] : ["The broker does not deliver messages."]),
  ];
  const isBrokerWell = (): boolean => bus.connected() && canary.isAlive();
  const { app, http, conversations } = createApp(options, outward, {
    isBrokerWell,
    isStopping: () => isStopping,
    problems,
  });
  const sweeping = startSweeping(outward, http);
  const stopFollowing = followBroker(bus, hubs);

  const release = (): void => {
    clearInterval(sweeping);
    stopFollowing();
    conversations.close();
    canary.stop();
    hubs.close();
    delivery.stop();
    app.close();
  };
  const listener = await listenPublicly(app, options.listen).catch((error: unknown) => {
    release();
    throw error;
  });
  const sockets = { sockets: () => connections.size, maxSockets: options.maxConnections };
  addEdgeMetrics(registry, counters, { ...sockets, hubs: hubs.stats, outbox: outbox.stats });
  return {
    port: listener.port,
    registry,
    problems,
    async stop() {
      isStopping = true;
      listener.stop();
      await connections.sayGoodbye();
      release();
    },
  };
}
