import type { ErrorCode } from "@parley/protocol";
import { Counter, Gauge, createMetrics, type Registry } from "@parley/runtime";

/** Plain numbers, because some of them are counted for every token. */
export function createCounters() {
  return {
    /** Stored events that came in, hidden ones too. */
    events: 0,
    /** WebSocket messages sent. */
    frames: 0,
    /** WebSocket messages received. */
    received: 0,
    snapshots: 0,
    resumes: { live: 0, replay: 0, snapshot: 0 },
    /** Holes in what came live. */
    holes: 0,
    /** Times that a socket began to lag. */
    lagged: 0,
    refusedUpgrades: 0,
    closed: new Map<number, number>(),
    errors: new Map<ErrorCode, number>(),
  };
}

export type Counters = ReturnType<typeof createCounters>;

export interface Gauges {
  readonly sockets: () => number;
  readonly hubs: () => { readonly hubs: number; readonly viewers: number };
  readonly outbox: () => { readonly laggards: number; readonly bufferedBytes: number };
}

/** The metrics of an edge, read from the plain numbers when somebody asks. */
export function createEdgeMetrics(counters: Counters, { sockets, hubs, outbox }: Gauges): Registry {
  const registry = createMetrics({ service: "edge" });
  const registers = [registry];

  const gauge = (name: string, help: string, read: () => number): unknown =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const counter = (name: string, help: string, read: () => number): unknown =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const labelled = (
    name: string,
    help: string,
    label: string,
    read: () => Iterable<[string | number, number]>,
  ): unknown =>
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [value, count] of read()) this.inc({ [label]: value }, count);
      },
    });

  gauge("parley_edge_sockets", "Open sockets.", sockets);
  gauge("parley_edge_hubs", "Conversations that are looked at, or were a moment ago.", () => hubs().hubs);
  gauge("parley_edge_viewers", "Pairs of a socket and a conversation.", () => hubs().viewers);
  gauge("parley_edge_lagging_sockets", "Sockets that do not keep up.", () => outbox().laggards);
  gauge("parley_edge_buffered_bytes", "Unsent bytes of sockets that do not keep up.", () => outbox().bufferedBytes);
  counter("parley_edge_events_total", "Stored events received from the broker.", () => counters.events);
  counter("parley_edge_frames_sent_total", "WebSocket messages sent.", () => counters.frames);
  counter("parley_edge_frames_received_total", "WebSocket messages received.", () => counters.received);
  counter("parley_edge_snapshots_total", "Snapshots sent.", () => counters.snapshots);
  counter(
    "parley_edge_holes_total",
    "Holes found in live events; each was filled from the stream.",
    () => counters.holes,
  );
  counter("parley_edge_lagged_total", "Times a socket began to lag.", () => counters.lagged);
  counter(
    "parley_edge_refused_upgrades_total",
    "Upgrades refused before a socket was made.",
    () => counters.refusedUpgrades,
  );
  labelled("parley_edge_resumes_total", "Subscriptions by how they were caught up.", "mode", () =>
    Object.entries(counters.resumes),
  );
  labelled("parley_edge_closes_total", "Closed sockets by close code.", "code", () => counters.closed);
  labelled("parley_edge_errors_total", "Frames refused, by error code.", "code", () => counters.errors);
  return registry;
}
