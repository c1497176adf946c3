import type { Bus } from "@parley/bus";
import type { Logger, Registry } from "@parley/runtime";
import uWS from "uWebSockets.js";
import type { OriginRules } from "./auth/origin.ts";
import { createTokens, type TokenOptions } from "./auth/tokens.ts";
import { startCanary } from "./canary.ts";
import { deliveryLimits, type DeliveryLimits } from "./delivery-limits.ts";
import { createAuthHandler } from "./frames/auth-handler.ts";
import { createCancelHandler } from "./frames/cancel-handler.ts";
import { createFrameHandler } from "./frames/frame-handler.ts";
import { createMessageHandler } from "./frames/message-handler.ts";
import { createOwnership } from "./frames/ownership.ts";
import { createViewing } from "./frames/viewing.ts";
import { createDevToken } from "./http/dev-token.ts";
import type { Reply } from "./http/reply.ts";
import { addRoutes } from "./http/routes.ts";
import { createCatchUp } from "./hub/catch-up.ts";
import { createHistory } from "./hub/history.ts";
import { createHubs } from "./hub/hubs.ts";
import { createCounters, createEdgeMetrics } from "./metrics.ts";
import type { Deadlines } from "./socket/connection.ts";
import { createConnections } from "./socket/connections.ts";
import { createInbox } from "./socket/inbox.ts";
import { listenPublicly, type ListenOptions } from "./socket/listener.ts";
import { createOutbox } from "./socket/outbox.ts";
import { createUpgrade } from "./socket/upgrade.ts";
import { createWebSocketBehavior } from "./socket/websocket.ts";

export interface EdgeOptions {
  readonly bus: Bus;
  readonly listen: ListenOptions;
  readonly tokens: TokenOptions;
  /** Offers tokens to whoever asks. */
  readonly isDevelopment: boolean;
  readonly allowedOrigins: readonly string[];
  readonly maxConnections: number;
  readonly pages: ReadonlyMap<string, Reply>;
  readonly version: string;
  readonly limits?: DeliveryLimits;
  readonly deadlines?: Deadlines;
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

export const defaultDeadlines: Deadlines = { authMs: 5_000, warnMs: 60_000, graceMs: 25_000 };

const sweepEveryMs = 1_000;

/** Wires the parts of an edge and starts to listen. Throws StartError when the port cannot be had. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { bus, log, limits = deliveryLimits, deadlines = defaultDeadlines } = options;
  const { events } = bus;
  const counters = createCounters();
  let isStopping = false;

  // From the broker to the sockets.
  const outbox = createOutbox({ limits, counters });
  const history = createHistory(bus);
  const catchUp = createCatchUp({ outbox, history, transcripts: bus.transcripts, counters, log });
  const hubs = createHubs({ events, limits, counters, mark: outbox.mark, catchUp: catchUp.catchUp, log });
  const connections = createConnections({ deadlines, outbox });

  // From the sockets to the broker.
  const tokens = createTokens(options.tokens);
  const ownership = createOwnership(bus.owners);
  const viewing = createViewing({ hubs, catchUp, events });
  const handle = createFrameHandler({
    onAuth: createAuthHandler({ tokens, outbox, log }),
    onMessage: createMessageHandler({ bus, ownership, viewing, outbox }),
    onCancel: createCancelHandler({ bus, ownership }),
    ownership,
    viewing,
    outbox,
    isConnected: bus.connected,
    counters,
    log,
  });
  const inbox = createInbox({ handle, outbox });

  const canary = startCanary({ nc: bus.nc, log });
  const problems = (): string[] => [
    ...(isStopping ? ["This process is shutting down."] : []),
    ...(bus.connected() ? [] : ["The broker cannot be reached."]),
    ...(canary.isAlive() ? [] : ["The broker does not deliver messages."]),
  ];

  const origins: OriginRules = { allowed: options.allowedOrigins, allowLoopback: options.isDevelopment };
  const upgrade = createUpgrade({
    origins,
    maxConnections: options.maxConnections,
    openConnections: () => connections.size,
    isStopping: () => isStopping,
    counters,
  });
  const app = uWS.App();
  app.ws(
    "/ws/chat",
    createWebSocketBehavior({ upgrade, connections, outbox, catchUp, limits, counters, receive: inbox.receive }),
  );
  const devToken = options.isDevelopment ? createDevToken(tokens) : undefined;
  addRoutes(app, {
    pages: options.pages,
    version: options.version,
    isConnected: bus.connected,
    problems,
    devToken,
    log,
  });

  const stopListening = bus.onReconnect(() => void hubs.syncAll());
  const sweep = setInterval(() => {
    const nowMs = performance.now();
    connections.sweep(nowMs, Date.now());
    outbox.sweep(nowMs);
    catchUp.sweep();
    hubs.sweep(nowMs);
  }, sweepEveryMs);

  const release = (): void => {
    clearInterval(sweep);
    stopListening();
    canary.stop();
    hubs.close();
    outbox.stop();
    app.close();
  };
  const listener = await listenPublicly(app, options.listen).catch((error: unknown) => {
    release();
    throw error;
  });

  return {
    port: listener.port,
    registry: createEdgeMetrics(counters, { sockets: () => connections.size, hubs: hubs.stats, outbox: outbox.stats }),
    problems,
    async stop() {
      isStopping = true;
      listener.stop();
      await connections.sayGoodbye();
      release();
    },
  };
}
