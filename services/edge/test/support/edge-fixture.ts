import { openBus, type Bus, type StoredMessage } from "@parley/bus";
import { RightsByRole, createMay } from "@parley/protocol";
import { createLogger, createMetrics, type Logger } from "@parley/runtime";
import { signedIn, startNats, type Broker, type NatsOptions } from "@parley/testkit";
import { createSharedSecret } from "../../src/admission/shared-secret.ts";
import { startTokens } from "../../src/admission/tokens.ts";
import { deliveryLimits, type DeliveryLimits } from "../../src/delivery/delivery-limits.ts";
import { startEdge, type Edge, type EdgeOptions } from "../../src/edge.ts";
import { createFakeWorker, type FakeWorker } from "./fake-worker.ts";
import { connectClient, type TestClient } from "./test-client.ts";

export const jwtSecret = "0123456789abcdef0123456789abcdef";

export const log: Logger = createLogger({
  service: "test",
  level: process.env["TEST_LOG"] === undefined ? "silent" : "debug",
  format: "pretty",
});

export const tokens = createSharedSecret({ secret: jwtSecret });

/** The value of a metric; the sum over its labels. */
export async function metricOf(edge: Edge, name: string): Promise<number> {
  const metric = await edge.registry.getSingleMetric(name)?.get();
  if (metric === undefined) throw new Error(`there is no metric ${name}`);
  return metric.values.reduce((sum, { value }) => sum + value, 0);
}

export async function tokenOf(user: string, lifetimeMs = 3_600_000): Promise<string> {
  return (await tokens.sign({ id: user }, lifetimeMs)).token;
}

export interface EdgeUnderTest extends Edge {
  /** The edge's own connection to the broker. */
  readonly bus: Bus;
  readonly url: string;
}

export interface World extends AsyncDisposable {
  readonly nats: Broker;
  /** A connection of the test itself: that of its worker. */
  readonly bus: Bus;
  readonly worker: FakeWorker;
  addEdge(options?: EdgeSettings): Promise<EdgeUnderTest>;
  /** A client that has authenticated. */
  connect(edge: EdgeUnderTest, user?: string): Promise<TestClient>;
}

type EdgeSettings = Partial<Omit<EdgeOptions, "limits">> & {
  readonly limits?: Partial<DeliveryLimits>;
  /** Where it finds the broker, when not at the broker itself. */
  readonly natsUrl?: string;
  /** Live messages that do not reach it, as when a route between two brokers broke. */
  readonly lose?: Lose;
  /** By how much the broker's clock is set back now, as far as this edge sees when its streams were made. */
  readonly clockSetBackMs?: () => number;
  /** By how much less of a stream a server tells that stood still, at this moment. */
  readonly staleBy?: () => number;
  /** How long each of its readings of the event stream waits before it begins. */
  readonly beforeReading?: () => Promise<void>;
  /** Instead of the bus's own: a cluster whose leaders change when the test says so. */
  readonly watchStreams?: Bus["watchStreams"];
  /** How long events are kept, as far as this edge knows. */
  readonly eventWindowMs?: number;
};

/** A broker, a worker and any number of edges in this process. */
export async function createWorld(broker: NatsOptions = {}): Promise<World> {
  const nats = await startNats(broker);
  const bus = await openBus({ servers: nats.url, name: "test", log });
  const edges: EdgeUnderTest[] = [];
  const clients: TestClient[] = [];
  return {
    nats,
    bus,
    worker: createFakeWorker(bus),
    async addEdge(settings = {}) {
      const edge = await addEdge(nats, settings);
      edges.push(edge);
      return edge;
    },
    async connect(edge, user = "ann") {
      const client = await connectClient(edge.url);
      clients.push(client);
      client.send({ type: "auth", token: await tokenOf(user) });
      await client.next("auth_success");
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await Promise.all(edges.map((edge) => edge.stop()));
      await Promise.all(edges.map((edge) => edge.bus.close()));
      await bus.close();
      await nats[Symbol.asyncDispose]();
    },
  };
}

/** Whether a live message does not come, or not now: it does when `pass` is called. */
export type Lose = (message: StoredMessage, pass: () => void) => boolean;

/** The same bus behind a route that loses some of what is live. What is stored is not touched. */
function lossy(bus: Bus, lose: Lose): Bus {
  const subscribe: Bus["events"]["subscribe"] = (subject, onMessage, options) =>
    bus.events.subscribe(
      subject,
      (message) => {
        const kept = { ...message, data: message.data.slice() };
        if (!lose(message, () => onMessage(kept))) onMessage(message);
      },
      options,
    );
  return { ...bus, events: { ...bus.events, subscribe } };
}

function withState(bus: Bus, setBackMs = () => 0, staleBy = () => 0): Bus {
  const state: Bus["events"]["state"] = async (shard) => {
    const stream = await bus.events.state(shard);
    return { ...stream, createdMs: stream.createdMs - setBackMs(), lastSeq: stream.lastSeq - staleBy() };
  };
  return { ...bus, events: { ...bus.events, state } };
}

function withSlowReading(bus: Bus, before: () => Promise<void>): Bus {
  const read: Bus["events"]["read"] = async (...range) => {
    await before();
    return bus.events.read(...range);
  };
  return { ...bus, events: { ...bus.events, read } };
}

async function addEdge(nats: Broker, settings: EdgeSettings): Promise<EdgeUnderTest> {
  const {
    natsUrl = nats.url,
    limits,
    lose,
    watchStreams,
    clockSetBackMs,
    staleBy,
    beforeReading,
    eventWindowMs,
    ...options
  } = settings;
  const own = await openBus({ servers: signedIn(natsUrl, "edge"), name: "edge under test", log });
  const kept = eventWindowMs === undefined ? own : { ...own, eventWindowMs };
  const watched = watchStreams === undefined ? kept : { ...kept, watchStreams };
  const timed = withState(watched, clockSetBackMs, staleBy);
  const bus = beforeReading === undefined ? timed : withSlowReading(timed, beforeReading);
  const registry = createMetrics({ service: "edge" });
  const edge = await startEdge({
    bus: lose === undefined ? bus : lossy(bus, lose),
    listen: { host: "127.0.0.1", port: 0, isShared: false },
    tokens: startTokens({ sharedSecret: { secret: jwtSecret }, registry, log }),
    may: createMay(RightsByRole.parse({})),
    isDevelopment: true,
    allowedOrigins: [],
    maxConnections: 1_000,
    pages: new Map(),
    version: "0.0.0-test",
    registry,
    limits: { ...deliveryLimits, ...limits },
    log,
    ...options,
  });
  return { ...edge, bus, url: `ws://127.0.0.1:${edge.port}/ws/chat` };
}
