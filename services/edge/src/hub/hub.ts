import type { EventLog, StoredMessage } from "@parley/bus";
import type { VisibleEvent } from "@parley/dialects";
import { isTerminal, subjects, type ConversationId, type TurnId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { generationOffset, noCursor } from "../cursor.ts";
import type { Connection } from "../delivery/connection.ts";
import type { DeliveryLimits } from "../delivery/delivery-limits.ts";
import type { Outlet } from "../delivery/outlet.ts";
import { closeFeed, createFeed, keepSure, openFeed, pauseFeed, syncFeed, type Feed } from "./feed.ts";
import { createHubQueue, forgetQueue, mayChangeQueue, type HubQueue } from "./hub-queue.ts";
import { append, createRing, enforceLimits, insert, trim, turnsUnderWay, type Ring } from "./ring.ts";
import { moveViewer, type Source, type Viewer } from "./viewer.ts";
import { visibleEventOf } from "./visible-event.ts";

export interface HubViewer extends Viewer {
  readonly source: Hub;
}

/** A connection whose viewers are those of hubs, as all are. */
export type HubConnection = Connection<HubViewer>;

export interface HubDeps {
  readonly events: EventLog;
  readonly limits: DeliveryLimits;
  readonly counters: { events: number; holes: number; late: number };
  /** What waits in the conversation may be other than it was. */
  readonly lookAtQueue: (hub: Hub) => void;
  /** Whether nothing is queued in the conversation: whatever was has its end stored. */
  readonly isIdle: (conversation: ConversationId) => Promise<boolean>;
  /** Something new is in the ring. */
  readonly mark: (hub: Hub) => void;
  readonly catchUp: (viewer: HubViewer) => void;
  /** The conversation was deleted at which it looks. */
  readonly tellDeleted: (viewer: HubViewer) => void;
  /** Whether a person answers has changed, or who has a part in it: who looks on only for that may have to go. */
  readonly onPeople?: (hub: Hub, event: VisibleEvent) => void;
  /** It has a viewer more, or one less. */
  readonly onViewers?: (hub: Hub) => void;
  /** Something was told in it: all but the text of answers. */
  readonly onNews?: (hub: Hub, event: VisibleEvent) => void;
  readonly log: Logger;
}

/** One conversation that somebody looks at: its feed, its recent events, its viewers. Only the functions of this file change it. */
export interface Hub extends Source {
  readonly deps: HubDeps;
  readonly shard: number;
  readonly feed: Feed;
  ring: Ring;
  /** What this stream's sequences are moved up by on the wire. */
  offset: number;
  readonly viewers: Set<HubViewer>;
  readonly queue: HubQueue;
  lastEventMs: number;
  /** The conversation was deleted since: a cursor may be of what is no more. */
  wasDeleted: boolean;
  /** When its last viewer left (a `performance.now`); 0: it has viewers. */
  emptySinceMs: number;
}

export function createHub(conversation: ConversationId, deps: HubDeps): Hub {
  const { events, limits, counters, log } = deps;
  const shard = events.shardOf(conversation);
  const feed = createFeed(
    { conversation, shard, events, queueMessages: limits.syncQueueMessages, counters, log },
    {
      onMessage: (message, turn) => take(hub, message, turn),
      onLate: (message, turn) => takeLate(hub, message, turn),
      onRestart: (seq, isLost) => restart(hub, seq, isLost),
      onSyncing: () => pause(hub),
      onLive: () => settle(hub),
      underWay: () => turnsUnderWay(hub.ring),
    },
  );
  const nowMs = performance.now();
  const hub: Hub = {
    conversation,
    deps,
    shard,
    feed,
    ring: createRing(0),
    offset: 0,
    viewers: new Set(),
    queue: createHubQueue(),
    lastEventMs: nowMs,
    wasDeleted: false,
    emptySinceMs: nowMs,
  };
  return hub;
}

/** Rejects when the broker does not answer; then the hub is closed. */
export function openHub({ feed }: Hub): Promise<void> {
  return openFeed(feed);
}

export function closeHub({ feed }: Hub): void {
  closeFeed(feed);
}

/** Holds back live messages until it is synced. */
export function pauseHub({ feed }: Hub): void {
  pauseFeed(feed);
}

/** Reads whatever may have been missed: everything after `wholeUpTo`, also what was taken for certain, and what was not. */
export function syncHub({ feed }: Hub, wholeUpTo: number): Promise<void> {
  return syncFeed(feed, wholeUpTo);
}

export function isLive({ feed }: Hub): boolean {
  return feed.state === "live";
}

/** Makes a viewer in state `held`. */
export function attach(hub: Hub, outlet: Outlet, cursor: number): HubViewer {
  const common = {
    state: "held",
    cursor,
    fromSeq: noCursor,
    isGreeted: false,
    asksAfter: undefined,
    isReading: false,
    failures: 0,
    sentSeq: 0,
    begins: false,
    doubtedSeq: noCursor,
    mayLackOf: undefined,
    owedSeq: undefined,
    owed: undefined,
    wholeSeq: noCursor,
    promised: undefined,
    queueTold: undefined,
  } as const;
  const viewer: HubViewer = { source: hub, outlet, ...common };
  hub.viewers.add(viewer);
  hub.emptySinceMs = 0;
  hub.deps.onViewers?.(hub);
  return viewer;
}

export function detach(viewer: HubViewer): void {
  const { source: hub } = viewer;
  moveViewer(viewer, "gone");
  hub.viewers.delete(viewer);
  if (hub.viewers.size === 0) hub.emptySinceMs = performance.now();
  hub.deps.onViewers?.(hub);
}

/** The viewer needs the whole conversation, in a snapshot above what it got: one that is not would be taken for a repeat. */
export function beginAnew(viewer: HubViewer): void {
  const { source: hub } = viewer;
  if (viewer.cursor !== noCursor) viewer.sentSeq = hub.offset + viewer.cursor;
  viewer.cursor = noCursor;
  viewer.fromSeq = noCursor;
  viewer.begins = false;
  viewer.doubtedSeq = noCursor;
  viewer.mayLackOf = undefined;
  if (viewer.state !== "held") moveViewer(viewer, "lagging");
}

/** What the viewer has is nothing any more: `subscribed` tells its client so, and all that follows counts. */
export function beginFromNothing(viewer: HubViewer): void {
  beginAnew(viewer);
  viewer.sentSeq = 0;
  viewer.isGreeted = true;
}

/** After what is new has been sent: looks after viewers that lag, and keeps the ring small. */
export function settle(hub: Hub): void {
  const { ring, feed, viewers, deps } = hub;
  if (feed.state !== "live") return;
  // Those for whom the broker failed are tried once a second, not with every event.
  for (const viewer of viewers) if (viewer.state === "lagging" && viewer.failures === 0) deps.catchUp(viewer);
  const { floor } = ring;
  enforceLimits(ring, deps.limits);
  if (ring.floor !== floor) feed.intake.forget(ring.floor);
}

/** Once a second. */
export function sweepHub(hub: Hub, nowMs: number): void {
  const { ring, feed, viewers, deps } = hub;
  keepSure(feed);
  const silentMs = nowMs - hub.lastEventMs;
  if (viewers.size > 0 && isExpecting(ring) && silentMs > deps.limits.silenceMs) {
    hub.lastEventMs = nowMs;
    void lookForEnd(hub);
  } else if (silentMs > deps.limits.ringIdleMs && ring.events.length > 0 && feed.state === "live") {
    trim(ring);
    feed.intake.forget(ring.floor, { all: true });
  }
}

/**
 * A copy may have been lost, and is read. Where nothing was queued before that, and there is no end still, the stream has forgotten it: then the transcript alone
 * tells, and all that is known of the turn here would wait for ever.
 */
async function lookForEnd(hub: Hub): Promise<void> {
  const { ring, feed, deps } = hub;
  const isIdle = await deps.isIdle(hub.conversation).catch(() => false);
  await syncFeed(feed);
  if (!isIdle || hub.ring !== ring || feed.state !== "live" || !isExpecting(ring)) return;
  restart(hub, feed.intake.last, false);
  settle(hub);
}

/** As far as viewers know, a turn has not ended. */
function isExpecting({ events, base }: Ring): boolean {
  const newest = events.findLast(({ turn }) => turn !== "");
  return newest === undefined ? base.size > 0 : !isTerminal(newest.type);
}

function take(hub: Hub, message: StoredMessage, turn: TurnId): void {
  const { ring, viewers, deps } = hub;
  deps.counters.events++;
  const event = visibleEventOf(message, turn, hub.offset);
  if (event === undefined) return;
  hub.lastEventMs = performance.now();
  append(ring, event);
  note(hub, event);
  if (viewers.size > 0) deps.mark(hub);
  else settle(hub);
}

function note(hub: Hub, event: VisibleEvent): void {
  if (event.type === "handover" || event.type === "member") hub.deps.onPeople?.(hub, event);
  if (isTerminal(event.type)) hub.feed.intake.grounds.ended(event.turn);
  if (mayChangeQueue(hub, event)) hub.deps.lookAtQueue(hub);
  if (event.type !== "token" && event.type !== "reasoning") hub.deps.onNews?.(hub, event);
}

/** Viewers that are not past it get it in its place. The others can take it in only as a part of the whole. */
function takeLate(hub: Hub, message: StoredMessage, turn: TurnId): boolean {
  const { ring, viewers, deps } = hub;
  deps.counters.events++;
  deps.counters.late++;
  const event = visibleEventOf(message, turn, hub.offset);
  if (event === undefined) return true;
  hub.lastEventMs = performance.now();
  note(hub, event);
  if (!insert(ring, event)) return false;
  for (const viewer of viewers) if (viewer.cursor >= event.seq && viewer.fromSeq < event.seq) beginAnew(viewer);
  deps.mark(hub);
  return true;
}

/** Nothing that viewers have can be continued. `isLost`: and it may never have been. */
function restart(hub: Hub, seq: number, isLost: boolean): void {
  hub.viewers.forEach(isLost ? beginFromNothing : beginAnew);
  forgetQueue(hub.queue);
  hub.offset = generationOffset(hub.feed.createdMs);
  for (const viewer of hub.viewers) takeBackCursor(viewer, hub.offset + seq);
  hub.ring = createRing(seq);
  if (hub.viewers.size > 0) hub.deps.mark(hub);
}

/** The stream was made by a clock that had been set back, and will never come as far as the viewer is: only `subscribed` tells the client so. */
function takeBackCursor(viewer: HubViewer, lastSeq: number): void {
  if (viewer.sentSeq > lastSeq) beginFromNothing(viewer);
}

/**
 * All up to now was deleted: nothing of it is served any more, and viewers begin anew with what comes. `lastSeq`: the last event that may have been
 * deleted, whose copy may be behind.
 */
export function forgetHub(hub: Hub, lastSeq = 0): void {
  const { intake } = hub.feed;
  hub.wasDeleted = true;
  intake.deletedUpTo(lastSeq);
  restart(hub, intake.last, false);
  intake.forget(intake.last);
  settle(hub);
}

/**
 * What is no longer stored is no longer served: a conversation may have been deleted while this process did not hear of it. Then who looks at it is
 * told; not when its events are gone because they were old.
 */
export async function forgetIfDeleted(hub: Hub): Promise<void> {
  const { ring, shard, conversation, deps } = hub;
  const [oldest] = ring.events;
  const [open] = ring.base.values();
  const place = oldest?.seq ?? open?.startSeq;
  if (place === undefined) return;
  const isKept =
    oldest === undefined
      ? (await deps.events.last(subjects.eventsOf(shard, conversation))) !== undefined
      : await deps.events.isStored(shard, place);
  if (isKept) return;
  const { firstSeq, createdMs } = await deps.events.state(shard);
  if (hub.ring !== ring || ring.events[0] !== oldest) return;
  forgetHub(hub);
  if (createdMs === hub.feed.createdMs && place >= firstSeq) hub.viewers.forEach(deps.tellDeleted);
}

function pause({ viewers }: Hub): void {
  for (const viewer of viewers) if (viewer.state === "live") moveViewer(viewer, "lagging");
}
