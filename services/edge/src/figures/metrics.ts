import { limitTable, type ErrorCode, type LimitName, type Outcome } from "@parley/protocol";
import { addCounts, Counter, Gauge, Histogram, type Registry } from "@parley/runtime";
import { createConnectionFigures } from "./connection-figures.ts";
import { createFileFigures } from "./file-figures.ts";
import { createHandoverFigures } from "./handover-figures.ts";
import { createRoomFigures } from "./room-figures.ts";
import { addSubscriptionMetrics, createSubscriptionFigures } from "./subscription-figures.ts";

/** How an answer that was timed ended; `left`: the connection that asked was gone first. */
export type AnswerEnd = Outcome["type"] | "left";

/** How an edge answers who decides on a call that waits for a person. */
export type ApprovalOutcome = "approved" | "denied" | "repeated" | "conflict" | "expired";

/** What became of a document that somebody brought, or removed. */
const documentOutcomes = ["stored", "refused", "removed"] as const;
export type DocumentOutcome = (typeof documentOutcomes)[number];

/** What people say of an answer. */
export type FeedbackKind = "up" | "down" | "taken back";

/** What people make of messages after they were written. */
const changeKinds = ["edit", "delete", "react"] as const;
export type ChangeKind = (typeof changeKinds)[number];

const responseBucketsS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
const firstTokenBucketsS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];

export function countOne<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Observed once a turn, by the edge that took its message. */
function createAnswerFigures() {
  const firstToken = new Histogram({
    name: "parley_edge_time_to_first_token_seconds",
    help: "From the arrival of a message to sending the first token of its answer to whoever sent it.",
    buckets: firstTokenBucketsS,
    registers: [],
  });
  const responses = new Histogram({
    name: "parley_edge_response_duration_seconds",
    help: "From the arrival of a message to sending the end of its answer to whoever sent it, by outcome; left: its connection ended first.",
    labelNames: ["outcome"],
    buckets: responseBucketsS,
    registers: [],
  });
  for (const outcome of ["complete", "cancelled", "error", "left"]) responses.zero({ outcome });
  return {
    firstToken,
    responses,
    ended: (outcome: AnswerEnd, seconds: number): void => responses.observe({ outcome }, seconds),
  };
}

function namesOfLimits(): LimitName[] {
  return Object.keys(limitTable).filter((name): name is LimitName => name in limitTable);
}

/** Plain numbers, because some of them are counted for every token. */
export function createCounters() {
  return {
    /** Stored events that came in, hidden ones too. */
    events: 0,
    /** Frames sent, by whatever transport. */
    frames: 0,
    sentBytes: 0,
    /** Messages that became a turn, and repeats of such. */
    accepted: { new: 0, repeated: 0, posted: 0 },
    answers: createAnswerFigures(),
    /** What people decided of calls that waited for them. */
    approvals: new Map<ApprovalOutcome, number>([
      ["approved", 0],
      ["denied", 0],
      ["repeated", 0],
      ["conflict", 0],
      ["expired", 0],
    ]),
    /** What people said of answers, each time that it changed. */
    feedback: new Map<FeedbackKind, number>([
      ["up", 0],
      ["down", 0],
      ["taken back", 0],
    ]),
    /** Messages that were changed, each time. */
    messageChanges: new Map(changeKinds.map((kind): [ChangeKind, number] => [kind, 0])),
    ...{ handovers: createHandoverFigures(), rooms: createRoomFigures(), files: createFileFigures() },
    /** WebSocket messages received. */
    received: 0,
    receivedBytes: 0,
    snapshots: 0,
    subscriptions: createSubscriptionFigures(),
    connections: createConnectionFigures(),
    /** Holes in what came live. */
    holes: 0,
    /** Live events that came after later ones. */
    late: 0,
    /** Times that a socket began to lag. */
    lagged: 0,
    // All there are: a counter that begins with its first event has no increase for an alert to see.
    refusedUpgrades: new Map<ErrorCode, number>([
      ["SHUTTING_DOWN", 0],
      ["OVERLOADED", 0],
      ["FORBIDDEN", 0],
      ["RATE_LIMITED", 0],
      ["BLOCKED", 0],
    ]),
    /** What was refused, by the limit that was met. */
    limited: new Map<LimitName, number>(namesOfLimits().map((name) => [name, 0])),
    closed: new Map<string, number>(),
    /** Connections closed because their credential was revoked, or they were blocked. */
    shut: new Map<"revoked" | "blocked" | "key removed" | "key changed", number>([
      ["key removed", 0],
      ["key changed", 0],
      ["revoked", 0],
      ["blocked", 0],
    ]),
    errors: new Map<ErrorCode, number>(),
    /** Documents that tenants brought or removed. */
    documents: new Map(documentOutcomes.map((outcome): [DocumentOutcome, number] => [outcome, 0])),
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
  readonly load: () => { readonly lagMs: number; readonly queueAgeMs: number; readonly opening: number };
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

/** What people decide, think and bring. */
function addPeopleCounters(registry: Registry, counters: Counters): void {
  addCounts(registry, {
    name: "parley_edge_documents_total",
    help: "Documents that tenants brought or removed; refused: they could not be read, or there was no room.",
    label: "outcome",
    read: () => counters.documents,
  });
  addCounts(registry, {
    name: "parley_edge_feedback_total",
    help: "What people said of answers, by rating; taken back: they say nothing any more.",
    label: "rating",
    read: () => counters.feedback,
  });
  addCounts(registry, {
    name: "parley_edge_message_changes_total",
    help: "Messages that were changed after they were said, by what was done: edit, delete, react.",
    label: "kind",
    read: () => counters.messageChanges,
  });
  addCounts(registry, {
    name: "parley_edge_approvals_total",
    help: "Decisions on calls that wait for a person: approved and denied ones count, repeated and conflict came after another one, expired came too late.",
    label: "outcome",
    read: () => counters.approvals,
  });
}

function addLabelledCounters(registry: Registry, counters: Counters): void {
  addCounts(registry, {
    name: "parley_edge_messages_accepted_total",
    help: "Messages accepted: new ones became a turn, posted ones are for people alone, repeated ones were sent again.",
    label: "kind",
    read: () => Object.entries(counters.accepted),
  });
  addPeopleCounters(registry, counters);
  addCounts(registry, {
    name: "parley_edge_refused_upgrades_total",
    help: "Upgrades refused before a socket was made, by error code.",
    label: "code",
    read: () => counters.refusedUpgrades,
  });
  addCounts(registry, {
    name: "parley_edge_limit_refusals_total",
    help: "Connections, requests, frames and messages refused, by the limit that was met (docs/limits.md).",
    label: "limit",
    read: () => counters.limited,
  });
  addCounts(registry, {
    name: "parley_edge_closes_total",
    help: "Closed sockets by close code: ours if it was closed here, other if its client made one up.",
    label: "code",
    read: () => counters.closed,
  });
  addCounts(registry, {
    name: "parley_edge_shut_total",
    help: "Connections closed because what they came with was revoked, or because they were blocked.",
    label: "reason",
    read: () => counters.shut,
  });
  addCounts(registry, {
    name: "parley_edge_errors_total",
    help: "Frames and HTTP requests refused, by error code; answers that ended in an error are not among them.",
    label: "code",
    read: () => counters.errors,
  });
  addCounts(registry, {
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
  { sockets, maxSockets, hubs, load, outbox }: Gauges,
): void {
  addGauges(registry, {
    parley_edge_sockets: ["Open sockets, and HTTP requests that stream or wait for an answer.", sockets],
    parley_edge_max_sockets: ["Sockets that this process takes.", () => maxSockets],
    parley_edge_hubs: ["Conversations that are looked at, or were a moment ago.", () => hubs().hubs],
    parley_edge_viewers: ["Pairs of a socket and a conversation.", () => hubs().viewers],
    parley_edge_opening_sockets: [
      "Sockets that have shown no token yet; exempt ones are not counted.",
      () => load().opening,
    ],
    parley_edge_lag_seconds: [
      "By how much this process is late, of the last two seconds the better one.",
      () => load().lagMs / 1_000,
    ],
    parley_edge_oldest_waiting_turn_seconds: [
      "How long the oldest turn has waited that no worker has got, as this edge saw it within the last five seconds; 0: none, or no message came.",
      () => load().queueAgeMs / 1_000,
    ],
    parley_edge_lagging_sockets: ["Sockets that do not keep up.", () => outbox().laggards],
    parley_edge_buffered_bytes: ["Unsent bytes of sockets that do not keep up.", () => outbox().bufferedBytes],
  });
  addCounters(registry, {
    parley_edge_events_total: ["Stored events received from the broker.", () => counters.events],
    parley_edge_frames_sent_total: ["Frames sent: WebSocket messages and server-sent events.", () => counters.frames],
    parley_edge_sent_bytes_total: ["Bytes of the frames sent.", () => counters.sentBytes],
    parley_edge_frames_received_total: ["WebSocket messages received.", () => counters.received],
    parley_edge_received_bytes_total: ["Bytes of WebSocket messages received.", () => counters.receivedBytes],
    parley_edge_snapshots_total: ["Snapshots sent.", () => counters.snapshots],
    parley_edge_holes_total: ["Holes found in live events; each was filled from the stream.", () => counters.holes],
    parley_edge_late_total: ["Live events that came after later ones; each was put in its place.", () => counters.late],
    parley_edge_lagged_total: ["Times a socket began to lag.", () => counters.lagged],
  });
  registry.registerMetric(counters.answers.firstToken);
  registry.registerMetric(counters.answers.responses);
  registry.registerMetric(counters.connections.durations);
  counters.handovers.register(registry);
  counters.rooms.register(registry);
  counters.files.register(registry);
  addSubscriptionMetrics(registry, counters.subscriptions);
  addLabelledCounters(registry, counters);
}
