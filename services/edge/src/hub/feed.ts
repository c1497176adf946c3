import type { EventLog, StoredMessage, StreamState } from "@parley/bus";
import { parseEventSubject, subjects, type ConversationId, type TurnId } from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { createIntake, type Intake } from "./intake.ts";
import { isHoleForgotten, missingAbove, missingBefore } from "./missing-before.ts";
import { createStreamJudge, type StreamJudge } from "./stream-end.ts";

/**
 *     opening ── subscribed, and the stream's end is known ──▶ live (paused, if something may have been dropped meanwhile)
 *     live ⇄ syncing (a part of the stream is read again)
 *     live ── the connection came back ──▶ paused (it waits for its turn to be read) ──▶ syncing
 *     live ⇄ looking (an answer begins whose message has not come) ──▶ paused, syncing
 *     any ── closed ──▶ closed
 */
export type FeedState = "opening" | "live" | "looking" | "paused" | "syncing" | "closed";

export interface FeedDeps {
  readonly conversation: ConversationId;
  readonly shard: number;
  readonly events: EventLog;
  /** Live messages that wait during a reading. More: they are dropped, and read as well. */
  readonly queueMessages: number;
  readonly counters: { holes: number };
  readonly log: Logger;
}

export interface FeedListener {
  /** The next message of the conversation. Its data is only borrowed. */
  onMessage(message: StoredMessage, turn: TurnId): void;
  /** One that should have come before others that came. False: what is known cannot take it in, and must begin anew. */
  onLate(message: StoredMessage, turn: TurnId): boolean;
  /** All that is known begins anew after this sequence: another stream, or a hole below what was passed on. `isLost`: what was passed on may never have been. */
  onRestart(seq: number, isLost: boolean): void;
  /** Live messages wait from now on, until `onLive`. */
  onSyncing(): void;
  onLive(): void;
  /** Turns whose answers have begun and, as far as is known, have not ended. */
  underWay(): readonly TurnId[];
}

/** The events of one conversation, all of them, as they are stored; in order, but for those whose copies come late. Only the functions of this file change it. */
export interface Feed {
  readonly deps: FeedDeps;
  readonly listener: FeedListener;
  readonly intake: Intake;
  readonly ending: AbortController;
  state: FeedState;
  /** Rises when the stream was made anew, which was at `createdMs`. */
  generation: number;
  createdMs: number;
  readonly judge: StreamJudge;
  waiting: StoredMessage[];
  suspectedMs: number;
  mustReadOnceMore: boolean;
  /** See `keepSure`. */
  isConfirming: boolean;
  /** The next reading begins after this, and no later than after what was taken for certain: see `syncFeed`. */
  wholeUpTo: number;
  subscription: { unsubscribe(): void } | undefined;
}

/** How often the generation is looked up when old messages come. */
const suspectEveryMs = 1_000;

export function createFeed(deps: FeedDeps, listener: FeedListener): Feed {
  return {
    deps,
    listener,
    intake: createIntake(listener.underWay),
    ending: new AbortController(),
    state: "opening",
    generation: 0,
    createdMs: 0,
    judge: createStreamJudge(),
    waiting: [],
    suspectedMs: 0,
    mustReadOnceMore: false,
    isConfirming: false,
    wholeUpTo: Number.POSITIVE_INFINITY,
    subscription: undefined,
  };
}

/**
 * Subscribes, then learns where the stream ends: what is stored after that comes live. As patient with the broker as look-ups are; after that it
 * throws, closed.
 */
export async function openFeed(feed: Feed): Promise<void> {
  const { events, shard, conversation } = feed.deps;
  feed.subscription = events.subscribe(subjects.liveOf(shard, conversation), (message) => receive(feed, message));
  try {
    // Not to be left out, although the broker takes both in this order: chaos (edges-killed) then finds viewers that miss or repeat.
    await events.flush();
    const stream = await events.state(shard);
    feed.ending.signal.throwIfAborted();
    begin(feed, stream);
    if (!feed.mustReadOnceMore) return becomeLive(feed);
    // Something that came meanwhile may have been dropped.
    feed.state = "paused";
    void syncFeed(feed);
  } catch (error) {
    closeFeed(feed);
    throw error;
  }
}

export function closeFeed(feed: Feed): void {
  feed.state = "closed";
  feed.ending.abort();
  feed.subscription?.unsubscribe();
  feed.waiting = [];
}

/**
 * Holds back live messages until the feed is synced. After a reconnect every feed must be paused at once: the first message of a new turn
 * does not show that the end of the turn before it was missed.
 */
export function pauseFeed(feed: Feed): void {
  // The connection may have broken after the part that is being read, or after the stream's end was told.
  if (feed.state === "syncing" || feed.state === "opening") feed.mustReadOnceMore = true;
  if (feed.state === "live") feed.listener.onSyncing();
  if (feed.state === "live" || feed.state === "looking") feed.state = "paused";
}

/**
 * Reads again, until that succeeds, all above what was taken for certain; or above `wholeUpTo`, if that is lower. Never less, whatever is known to be
 * missing: afterwards all up to the stream's end counts as certain, and the copy of what was stored long before that may still be on its way.
 */
export async function syncFeed(feed: Feed, wholeUpTo = Number.POSITIVE_INFINITY): Promise<void> {
  feed.wholeUpTo = Math.min(feed.wholeUpTo, wholeUpTo);
  pauseFeed(feed);
  if (feed.state !== "paused") return;
  feed.state = "syncing";
  feed.mustReadOnceMore = true;
  const { signal } = feed.ending;
  const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
  while (feed.mustReadOnceMore && !signal.aborted) {
    feed.mustReadOnceMore = false;
    try {
      await readAgain(feed, Math.min(feed.wholeUpTo, feed.intake.sure));
    } catch (err) {
      feed.mustReadOnceMore = true;
      feed.deps.log.warn({ err, conversation: feed.deps.conversation }, "the event stream could not be read yet");
      await sleep(backoff.nextMs(), signal);
    }
  }
  feed.wholeUpTo = Number.POSITIVE_INFINITY;
  if (!signal.aborted) becomeLive(feed);
}

function receive(feed: Feed, message: StoredMessage): void {
  if (feed.state === "closed") return;
  if (feed.state !== "live") return wait(feed, message);
  const verdict = feed.intake.judge(message);
  if (verdict === "next") return take(feed, message);
  if (verdict === "old") return suspect(feed);
  if (verdict === "late") return takeLate(feed, message);
  if (verdict === "early") return void lookForMissing(feed, message);
  feed.deps.counters.holes++;
  wait(feed, message);
  void syncFeed(feed);
}

/** What it comes after is looked for, and read if it is missing. */
async function lookForMissing(feed: Feed, first: StoredMessage): Promise<void> {
  const { intake, generation } = feed;
  const { events, conversation, log } = feed.deps;
  wait(feed, first);
  feed.state = "looking";
  feed.listener.onSyncing();
  try {
    const { message, isEndMissing } = await missingBefore(first, { events, intake });
    // Meanwhile all of it may be read again.
    if (feed.state !== "looking" || feed.generation !== generation) return;
    // Or so much came meanwhile that some was dropped.
    if (isEndMissing || feed.mustReadOnceMore) return void syncFeed(feed);
    if (message !== undefined) takeRead(feed, [message]);
    intake.grounds.add(parseEventSubject(first.subject)?.turn ?? "");
    becomeLive(feed);
  } catch (err) {
    log.warn({ err, conversation }, "whether an event is missing could not be read yet");
    void syncFeed(feed);
  }
}

function take({ intake, listener }: Feed, message: StoredMessage): void {
  listener.onMessage(message, intake.take(message));
}

/** Two processes wrote at the same time, and the broker passed on first what it had stored last. */
function takeLate(feed: Feed, message: StoredMessage): void {
  const { intake, listener } = feed;
  if (!listener.onLate(message, intake.takeLate(message))) restart(feed, intake.last, false);
}

/** Messages that were read from the stream, all there are from some sequence on: the copies of some have come, of others they will. */
function takeRead(feed: Feed, messages: readonly StoredMessage[]): void {
  for (const message of messages) {
    if (message.seq > feed.intake.last) take(feed, message);
    else if (!feed.intake.wasTaken(message)) takeLate(feed, message);
  }
}

function wait(feed: Feed, message: StoredMessage): void {
  if (feed.waiting.length >= feed.deps.queueMessages) {
    feed.waiting = [];
    feed.mustReadOnceMore = true;
  }
  feed.waiting.push({ ...message, data: message.data.slice() });
}

/** Old messages come after a failover; or the stream was made anew and counts from 1. */
function suspect(feed: Feed): void {
  const nowMs = performance.now();
  if (nowMs - feed.suspectedMs < suspectEveryMs) return;
  feed.suspectedMs = nowMs;
  const { events, shard, conversation, log } = feed.deps;
  void events.state(shard).then(
    (stream) => (feed.judge(stream, feed) === "same" ? undefined : syncFeed(feed)),
    (err: unknown) => log.warn({ err, conversation }, "the state of the event stream could not be read"),
  );
}

function begin(feed: Feed, stream: StreamState): void {
  const isLost = stream.hasLostEnd === true && stream.createdMs !== feed.createdMs;
  feed.generation++;
  feed.createdMs = stream.createdMs;
  // Of what was before nothing is wanted any more; and of another stream it would be a place that means nothing.
  feed.wholeUpTo = Number.POSITIVE_INFINITY;
  restart(feed, stream.lastSeq, isLost);
}

function restart({ intake, listener }: Feed, seq: number, isLost: boolean): void {
  intake.reset(seq);
  listener.onRestart(seq, isLost);
}

function becomeLive(feed: Feed): void {
  const queued = feed.waiting;
  feed.waiting = [];
  feed.state = "live";
  // One that shows a hole begins the next reading, and those after it wait again.
  for (const message of queued.toSorted((one, other) => one.seq - other.seq)) {
    if (!feed.intake.wasTaken(message)) receive(feed, message);
  }
  if (feed.state === "live") feed.listener.onLive();
}

async function readAgain(feed: Feed, wholeUpTo: number): Promise<void> {
  const { events, shard, conversation, log } = feed.deps;
  const stream = await events.state(shard);
  const verdict = feed.judge(stream, feed);
  if (verdict === "shorter") throw new Error(`the event stream ends at ${stream.lastSeq}, below ${feed.intake.last}`);
  if (verdict === "other") {
    log.warn({ conversation, ...stream }, "the event stream is another one than before");
    return begin(feed, stream);
  }
  const messages = await missingAbove(wholeUpTo, feed.deps);
  if (messages === undefined) return begin(feed, stream);
  takeRead(feed, messages);
  feed.intake.confirm(stream.lastSeq);
  if (isHoleForgotten(feed.waiting, feed.intake, stream.lastSeq)) begin(feed, stream);
}

/**
 * Makes sure that nothing of the conversation up to the stream's end, as it was when this state was asked for, is missing or still to come. Live
 * messages go on meanwhile. False: the feed is being read again as a whole.
 */
export async function confirmFeed(feed: Feed, stream: StreamState): Promise<boolean> {
  const { intake, generation } = feed;
  if (feed.state !== "live") return false;
  // Not by its end: what came live since is above it.
  if (stream.createdMs !== feed.createdMs) {
    void syncFeed(feed);
    return false;
  }
  if (intake.sure >= stream.lastSeq) return true;
  const messages = await missingAbove(intake.sure, feed.deps);
  if (feed.state !== "live" || feed.generation !== generation) return false;
  if (messages === undefined) begin(feed, stream);
  else takeRead(feed, messages);
  intake.confirm(stream.lastSeq);
  return true;
}

/** Called again and again: reads what the stream has not confirmed when that has become much. */
export function keepSure(feed: Feed): void {
  const { events, shard, conversation, log } = feed.deps;
  if (feed.isConfirming || feed.state !== "live" || !feed.intake.isUnsure) return;
  feed.isConfirming = true;
  void events
    .state(shard)
    .then((stream) => confirmFeed(feed, stream))
    .catch((err: unknown) => log.warn({ err, conversation }, "what came live could not be confirmed yet"))
    .finally(() => (feed.isConfirming = false));
}
