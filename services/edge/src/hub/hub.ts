import type { EventLog, StoredMessage } from "@parley/bus";
import { isTerminal, type ConversationId, type TurnId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { noCursor } from "../cursor.ts";
import type { DeliveryLimits } from "../delivery-limits.ts";
import { createFeed } from "./feed.ts";
import { createRing, type Ring } from "./ring.ts";
import type { Outlet, Source, Viewer } from "./viewer.ts";
import { visibleEventOf } from "./visible-event.ts";

export interface HubViewer extends Viewer {
  readonly source: Hub;
}

export interface HubDeps {
  readonly conversation: ConversationId;
  readonly events: EventLog;
  readonly limits: DeliveryLimits;
  readonly counters: { events: number; holes: number };
  /** Something new is in the ring. */
  readonly mark: (hub: Hub) => void;
  readonly catchUp: (viewer: HubViewer) => void;
  readonly log: Logger;
}

/** One conversation that somebody looks at: its feed, its recent events, its viewers. */
export interface Hub extends Source {
  readonly shard: number;
  readonly ring: Ring;
  readonly viewers: ReadonlySet<HubViewer>;
  /** What this stream's sequences are moved up by on the wire. */
  readonly offset: number;
  /** Rises when the stream was made anew. */
  readonly generation: number;
  /** Stream sequence up to which everything is known. */
  readonly last: number;
  /** When its last viewer left (a `performance.now`); 0: it has viewers. */
  readonly emptySinceMs: number;
  isLive(): boolean;
  /** Rejects when the broker does not answer; then the hub is closed. */
  open(): Promise<void>;
  /** Makes a viewer in state `held`. */
  attach(outlet: Outlet, cursor: number): HubViewer;
  detach(viewer: HubViewer): void;
  /** Reads whatever may have been missed. */
  sync(): Promise<void>;
  /** Once a second. */
  sweep(nowMs: number): void;
  close(): void;
}

export function createHub({ conversation, events, limits, counters, mark, catchUp, log }: HubDeps): Hub {
  const shard = events.shardOf(conversation);
  const ring = createRing(limits);
  const viewers = new Set<HubViewer>();
  let offset = 0;
  let lastEventMs = performance.now();
  let emptySinceMs = performance.now();

  const onMessage = (message: StoredMessage, turn: TurnId): void => {
    counters.events++;
    const event = visibleEventOf(message, turn, offset);
    if (event === undefined) return;
    lastEventMs = performance.now();
    ring.append(event);
    if (viewers.size > 0) mark(hub);
    else settle();
  };

  const feed = createFeed({
    conversation,
    shard,
    events,
    queueMessages: limits.syncQueueMessages,
    counters,
    log,
    onMessage,
    onRestart(seq) {
      ({ offset } = feed);
      ring.reset(seq);
      for (const viewer of viewers) viewer.cursor = noCursor;
    },
    onSyncing() {
      for (const viewer of viewers) if (viewer.state === "live") viewer.state = "lagging";
    },
    onLive: () => settle(),
  });

  const settle = (): void => {
    if (!feed.isLive()) return;
    for (const viewer of viewers) if (viewer.state === "lagging") catchUp(viewer);
    const { floor } = ring;
    ring.enforceLimits();
    if (ring.floor !== floor) feed.forget(ring.floor);
  };

  /** The newest event that viewers know does not end its turn. */
  const isExpecting = (): boolean => {
    const newest = ring.events.at(-1);
    return newest !== undefined && !isTerminal(newest.type);
  };

  const hub: Hub = {
    conversation,
    shard,
    ring,
    viewers,
    get offset() {
      return offset;
    },
    get generation() {
      return feed.generation;
    },
    get last() {
      return feed.last;
    },
    get emptySinceMs() {
      return emptySinceMs;
    },
    isLive: feed.isLive,
    open: feed.open,
    attach(outlet, cursor) {
      const common = { state: "held", cursor, isGreeted: false, isReading: false, failures: 0 } as const;
      const viewer: HubViewer = { source: hub, outlet, ...common };
      viewers.add(viewer);
      emptySinceMs = 0;
      return viewer;
    },
    detach(viewer) {
      viewer.state = "gone";
      viewers.delete(viewer);
      if (viewers.size === 0) emptySinceMs = performance.now();
    },
    sync: feed.sync,
    settle,
    sweep(nowMs) {
      const silentMs = nowMs - lastEventMs;
      if (viewers.size > 0 && isExpecting() && silentMs > limits.silenceMs) {
        lastEventMs = nowMs;
        void feed.sync();
      } else if (silentMs > limits.ringIdleMs && ring.events.length > 0 && feed.isLive()) {
        ring.trim();
        feed.forget(ring.floor);
      }
    },
    close: feed.close,
  };
  return hub;
}
