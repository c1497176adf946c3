import type { Bus } from "@parley/bus";
import { createDialectC, undecidedDialect, type Dialect } from "@parley/dialects";
import { noTracing, type Logger, type Registry, type Tracing } from "@parley/runtime";
import uWS, { type TemplatedApp } from "uWebSockets.js";
import { createTokens, type TokenOptions, type Tokens } from "./admission/tokens.ts";
import { startCanary } from "./canary.ts";
import type { ConnectionEnd } from "./figures/connection-end.ts";
import { createConversations, type Conversations } from "./commands/conversations/conversations.ts";
import { createDeletionNotice } from "./hub/deletion-notice.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import { deliveryLimits, type DeliveryLimits } from "./delivery/delivery-limits.ts";
import { createAuthHandler } from "./admission/auth-handler.ts";
import { createApproveHandler } from "./commands/approve.ts";
import { createCancelHandler } from "./commands/cancel.ts";
import { createDialectChooser } from "./transport/dialect-chooser.ts";
import { createFrameHandler } from "./transport/frame-handler.ts";
import { createMessageHandler } from "./commands/message.ts";
import { createOwnership } from "./commands/ownership.ts";
import { createQueueHandler } from "./commands/queue.ts";
import { createTitleHandler } from "./commands/title.ts";
import { createViewing } from "./commands/viewing.ts";
import { addHttpService } from "./transport/http-service.ts";
import type { Reply } from "./transport/reply.ts";
import { createCatchUp } from "./hub/catch-up.ts";
import { createHistory } from "./hub/history.ts";
import { createResuming } from "./hub/resuming.ts";
import { settle, type Hub, type HubConnection, type HubViewer } from "./hub/hub.ts";
import { createHubs, type Hubs } from "./hub/hubs.ts";
import { moveViewer } from "./hub/viewer.ts";
import { createWaiting } from "./hub/waiting.ts";
import { createWholeConversations } from "./hub/whole-conversation.ts";
import { addEdgeMetrics, createCounters } from "./figures/metrics.ts";
import { createAnswerTimes } from "./delivery/answer-times.ts";
import type { Deadlines } from "./delivery/connection.ts";
import { createConnections } from "./transport/connections.ts";
import { createDelivery } from "./delivery/delivery.ts";
import { createInbox } from "./transport/inbox.ts";
import { listenPublicly, type ListenOptions } from "./transport/listener.ts";
import { createOutbox } from "./delivery/outbox.ts";
import { createUpgrade } from "./transport/upgrade.ts";
import { createWebSocketBehavior } from "./transport/websocket.ts";

export interface EdgeOptions {
  readonly bus: Bus;
  /** In the role `cache`; without it nobody gets a list of conversations. */
  readonly redis?: Redis;
  readonly listen: ListenOptions;
  readonly tokens: TokenOptions;
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
  const delivery = createDelivery<HubViewer, Hub>({ outbox, settle, lag: (viewer) => moveViewer(viewer, "lagging") });
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
  const onClosed = (connection: HubConnection, end: ConnectionEnd): void => {
    answers.left(connection);
    counters.connections.closed(connection, end);
  };
  const connections = createConnections({ deadlines, outbox, onClosed });
  return { counters, outbox, delivery, catchUp, resuming, hubs, waiting, connections };
}

type Outward = ReturnType<typeof createOutward>;

/** From the sockets to the broker: what is done with each frame. */
function createInward(
  { bus, redis, tracing = noTracing, log }: EdgeOptions,
  { hubs, catchUp, resuming, waiting, outbox, counters }: Outward,
  { tokens, isBrokerWell }: { tokens: Tokens; isBrokerWell: () => boolean },
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
  const tokens = createTokens(options.tokens);
  const inward = createInward(options, outward, { tokens, isBrokerWell });
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
  const http = addHttpService(app, { ...options, ...outward, ...inward, ...readiness, ...wait, tokens, origins });
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
