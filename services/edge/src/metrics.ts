import type { ErrorCode } from "@parley/protocol";
import { Counter, Gauge, Histogram, type Registry } from "@parley/runtime";

const firstTokenBucketsS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];

/** Plain numbers, because some of them are counted for every token. */
export function createCounters() {
  return {
    /** Stored events that came in, hidden ones too. */
    events: 0,
    /** WebSocket messages sent. */
    frames: 0,
    /** Messages that became a turn, and repeats of such. */
    accepted: { new: 0, repeated: 0 },
    /** Observed once a turn, by the edge that took its message. */
    firstToken: new Histogram({
      name: "parley_edge_time_to_first_token_seconds",
      help: "From the arrival of a message to sending the first token of its answer to whoever sent it.",
      buckets: firstTokenBucketsS,
      registers: [],
    }),
    /** WebSocket messages received. */
    received: 0,
    snapshots: 0,
    resumes: { live: 0, replay: 0, snapshot: 0 },
    /** Holes in what came live. */
    holes: 0,
    /** Live events that came after later ones. */
    late: 0,
    /** Times that a socket began to lag. */
    lagged: 0,
    refusedUpgrades: 0,
    closed: new Map<number, number>(),
    errors: new Map<ErrorCode, number>(),
    /** Sockets without subprotocol, by the dialect that their first chat frame chose. */
    dialects: new Map<string, number>(),
  };
}

export type Counters = ReturnType<typeof createCounters>;

export interface Gauges {
  readonly sockets: () => number;
  /** Sockets that this process takes. */
  readonly maxSockets: number;
  readonly hubs: () => { readonly hubs: number; readonly viewers: number };
  readonly outbox: () => { readonly laggards: number; readonly bufferedBytes: number };
}

type Read = () => number;

function addGauges(registry: Registry, gauges: Readonly<Record<string, readonly [help: string, read: Read]>>): void {
  for (const [name, [help, read]] of Object.entries(gauges)) {
    const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
  }
}

function addCounters(
  registry: Registry,
  counters: Readonly<Record<string, readonly [help: string, read: Read]>>,
): void {
  for (const [name, [help, read]] of Object.entries(counters)) {
    const collect = (): void => {
      counter.reset();
      counter.inc(read());
    };
    const counter = new Counter({ name, help, registers: [registry], collect });
  }
}

interface Labelled {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly read: () => Iterable<[string | number, number]>;
}

function addLabelled(registry: Registry, { name, help, label, read }: Labelled): void {
  const collect = (): void => {
    counter.reset();
    for (const [value, count] of read()) counter.inc({ [label]: value }, count);
  };
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry], collect });
}

function addLabelledCounters(registry: Registry, counters: Counters): void {
  addLabelled(registry, {
    name: "parley_edge_messages_accepted_total",
    help: "Messages accepted: new ones became a turn, repeated ones were sent again.",
    label: "kind",
    read: () => Object.entries(counters.accepted),
  });
  addLabelled(registry, {
    name: "parley_edge_resumes_total",
    help: "Subscriptions by how they were caught up.",
    label: "mode",
    read: () => Object.entries(counters.resumes),
  });
  addLabelled(registry, {
    name: "parley_edge_closes_total",
    help: "Closed sockets by close code.",
    label: "code",
    read: () => counters.closed,
  });
  addLabelled(registry, {
    name: "parley_edge_errors_total",
    help: "Frames and HTTP requests refused, by error code.",
    label: "code",
    read: () => counters.errors,
  });
  addLabelled(registry, {
    name: "parley_edge_dialects_total",
    help: "Sockets without subprotocol by the dialect that their first chat frame chose.",
    label: "dialect",
    read: () => counters.dialects,
  });
}

/** Adds the metrics of an edge, read from the plain numbers when somebody asks. */
export function addEdgeMetrics(
  registry: Registry,
  counters: Counters,
  { sockets, maxSockets, hubs, outbox }: Gauges,
): void {
  addGauges(registry, {
    parley_edge_sockets: ["Open sockets.", sockets],
    parley_edge_max_sockets: ["Sockets that this process takes.", () => maxSockets],
    parley_edge_hubs: ["Conversations that are looked at, or were a moment ago.", () => hubs().hubs],
    parley_edge_viewers: ["Pairs of a socket and a conversation.", () => hubs().viewers],
    parley_edge_lagging_sockets: ["Sockets that do not keep up.", () => outbox().laggards],
    parley_edge_buffered_bytes: ["Unsent bytes of sockets that do not keep up.", () => outbox().bufferedBytes],
  });
  addCounters(registry, {
    parley_edge_events_total: ["Stored events received from the broker.", () => counters.events],
    parley_edge_frames_sent_total: ["WebSocket messages sent.", () => counters.frames],
    parley_edge_frames_received_total: ["WebSocket messages received.", () => counters.received],
    parley_edge_snapshots_total: ["Snapshots sent.", () => counters.snapshots],
    parley_edge_holes_total: ["Holes found in live events; each was filled from the stream.", () => counters.holes],
    parley_edge_late_total: ["Live events that came after later ones; each was put in its place.", () => counters.late],
    parley_edge_lagged_total: ["Times a socket began to lag.", () => counters.lagged],
    parley_edge_refused_upgrades_total: ["Upgrades refused before a socket was made.", () => counters.refusedUpgrades],
  });
  registry.registerMetric(counters.firstToken);
  addLabelledCounters(registry, counters);
}
