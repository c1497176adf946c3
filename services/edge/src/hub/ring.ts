import { decodeVisible, isFoldable, type VisibleEvent } from "@parley/dialects";
import {
  createTurnView,
  foldEvent,
  isTerminal,
  type Handover,
  type ReadEvent,
  type TurnId,
  type TurnView,
} from "@parley/protocol";
import { handoverIn, isChange, titleIn } from "./visible-event.ts";

export interface RingLimits {
  readonly ringEvents: number;
  readonly ringBytes: number;
}

/** A turn that has begun and not ended, folded up to some place in the conversation. */
export interface OpenTurn {
  /** Its first event: the user's message. 0: that is no longer kept. */
  readonly startSeq: number;
  readonly view: TurnView;
  /** Made of what decides, not of events: see `readWaiting`. */
  readonly settled?: Settled;
}

/** How far the events of a turn's chain are in a view that was made without them. */
export interface Settled {
  /** Those of the attempts up to this one are in it, and no later ones. */
  readonly attempt: number;
  /** Where the chain ended then: as of what is below this sequence the view says too much. */
  readonly seq: number;
}

/** The turn after one of its events, of which it may have those of its chain already. */
export function foldOpen(open: OpenTurn, event: ReadEvent): OpenTurn {
  const { settled, view: before } = open;
  const isIn = settled !== undefined && "attempt" in event && event.attempt <= settled.attempt;
  if (isIn && !isTerminal(event.type)) return open;
  const view = foldEvent(before, event);
  return view === before ? open : { ...open, view };
}

export type OpenTurns = ReadonlyMap<TurnId, OpenTurn>;

/** What is known of a conversation: enough to bring a viewer from a cursor to the present. */
export interface Known {
  /** Every visible event above this is in `events`. */
  readonly floor: number;
  readonly events: readonly VisibleEvent[];
  /** Turns open at the floor, folded up to it. */
  readonly base: OpenTurns;
  /** Whether `base` holds all of them, also those that began before the hub did. */
  readonly rooted: boolean;
  /** Between `since` and the floor there was nothing but foldable events of `turn`: its fold in `base` stands for them. */
  readonly quiet: { readonly since: number; readonly turn: TurnId } | undefined;
  /** The title as of the floor, if an event that left the ring has said it. */
  readonly title: string | undefined;
  /** The same of a person who answers in place of the agent. */
  readonly handover?: Handover | undefined;
}

/**
 * The recent visible events of a conversation, bounded, and the fold of what fell out of it. Evicting folds only turns that still run: the
 * events of an ended turn leave together with its end, unread. Only the functions of this file change it.
 */
export interface Ring extends Known {
  floor: number;
  rooted: boolean;
  quiet: { since: number; turn: TurnId } | undefined;
  title: string | undefined;
  handover?: Handover | undefined;
  /** A change of a message has left it. */
  hasChanges: boolean;
  /** The conversation was shown last as one in which its owner alone has a part. */
  isShownAlone: boolean;
  /** When it began (a `performance.now`). */
  readonly madeMs: number;
  readonly base: Map<TurnId, OpenTurn>;
  /** Of those that were made of what decides, what was made: for who reads what is below the floor, where events of theirs may be. */
  readonly settled: Map<TurnId, OpenTurn>;
  events: VisibleEvent[];
  /** Size of the events' frames together. */
  bytes: number;
  /** Turns whose end is in `events`, with its sequence. */
  readonly ended: Map<TurnId, number>;
  /** Ends that have left it, and posts. */
  endsLeft: number;
  /** Events that were put in their place among later ones. */
  lateEvents: number;
}

/** All that is known begins after this sequence. */
export function createRing(floor: number): Ring {
  return {
    floor,
    events: [],
    bytes: 0,
    rooted: false,
    quiet: undefined,
    title: undefined,
    hasChanges: false,
    isShownAlone: false,
    madeMs: performance.now(),
    base: new Map(),
    settled: new Map(),
    ended: new Map(),
    endsLeft: 0,
    lateEvents: 0,
  };
}

/** Puts an event in its place among later ones. False: it is not above the floor. */
export function insert(ring: Ring, event: VisibleEvent): boolean {
  const { events, floor } = ring;
  if (event.seq <= floor) return false;
  let place = events.length;
  while (place > 0 && (events[place - 1]?.seq ?? 0) > event.seq) place--;
  // It may have been read from the stream before.
  if (events[place - 1]?.seq === event.seq) return true;
  events.splice(place, 0, event);
  ring.lateEvents++;
  ring.bytes += event.frame.length;
  if (isTerminal(event.type)) ring.ended.set(event.turn, event.seq);
  return true;
}

/** Does not evict: what was just appended must be there until it has been sent. */
export function append(ring: Ring, event: VisibleEvent): void {
  ring.events.push(event);
  ring.bytes += event.frame.length;
  if (isTerminal(event.type)) ring.ended.set(event.turn, event.seq);
}

export function enforceLimits(ring: Ring, limits: RingLimits): void {
  while (ring.events.length > limits.ringEvents || ring.bytes > limits.ringBytes) evict(ring, olderHalf(ring));
}

/** Lets go of all events: for a conversation in which nothing happens. */
export function trim(ring: Ring): void {
  evict(ring, ring.events.length);
}

/** Turns of whose answers something is known, and no end. */
export function turnsUnderWay({ base, events, ended }: Ring): TurnId[] {
  const turns = new Set<TurnId>();
  for (const [turn, { view }] of base) if (view.status !== "queued") turns.add(turn);
  // What is stored where events of the conversation alone are has no turn, whatever it says it is.
  for (const { turn, type } of events) if (turn !== "" && isFoldable(type)) turns.add(turn);
  return [...turns].filter((turn) => !ended.has(turn));
}

/** There is no event above this sequence and up to the floor. */
export function lowerFloor(ring: Ring, seq: number): void {
  ring.floor = Math.min(ring.floor, seq);
}

export interface History {
  readonly fromSeq: number;
  readonly events: readonly VisibleEvent[];
  /** No turn that is open now began earlier, but for those in `settled`. */
  readonly isRoot: boolean;
  readonly settled?: OpenTurns;
}

const noneSettled: OpenTurns = new Map();

/**
 * Takes in all events from `fromSeq` up to the floor. They join the ring when there is room; else only the turns open at the floor are kept, folded.
 */
export function extendDown(ring: Ring, limits: RingLimits, history: History): void {
  const { settled = noneSettled } = history;
  for (const [turn, open] of settled) if (!ring.settled.has(turn)) ring.settled.set(turn, open);
  if (fits(ring, limits, history)) joinBelow(ring, history);
  else keepOpen(ring, history);
  ring.rooted ||= history.isRoot;
}

function fits(ring: Ring, limits: RingLimits, { fromSeq, events }: History): boolean {
  const hasRoom =
    ring.events.length + events.length <= limits.ringEvents && ring.bytes + bytesOf(events) <= limits.ringBytes;
  return hasRoom && [...ring.base.values()].every(({ startSeq }) => startSeq >= fromSeq);
}

function bytesOf(events: readonly VisibleEvent[]): number {
  return events.reduce((sum, { frame }) => sum + frame.length, 0);
}

function joinBelow(ring: Ring, { fromSeq, events, settled = noneSettled }: History): void {
  ring.base.clear();
  for (const [turn, open] of settled) ring.base.set(turn, open);
  ring.quiet = undefined;
  ring.floor = Math.min(ring.floor, fromSeq - 1);
  ring.events = [...events, ...ring.events];
  ring.bytes += bytesOf(events);
  for (const { turn, type, seq } of events) if (isTerminal(type)) ring.ended.set(turn, seq);
}

function keepOpen(ring: Ring, { fromSeq, events, settled = noneSettled }: History): void {
  for (const [turn, open] of openTurns(events, settled)) {
    const known = ring.base.get(turn);
    // What began with a message that was written again is not all of it.
    const isTorn = known !== undefined && known.settled === undefined && known.startSeq >= fromSeq;
    if (known === undefined || (isTorn && settled.has(turn))) ring.base.set(turn, open);
  }
}

/** At least half of the events, and no ended turn in part. */
function olderHalf({ events, ended }: Ring): number {
  let count = Math.ceil(events.length / 2);
  for (let i = 0; i < count; i++) {
    const end = ended.get(events[i]?.turn ?? "") ?? 0;
    while (count < events.length && (events[count]?.seq ?? Infinity) <= end) count++;
  }
  return count;
}

function evict(ring: Ring, count: number): void {
  const leaving = ring.events.slice(0, count);
  ring.events = ring.events.slice(count);
  for (const event of leaving) {
    foldEvicted(ring, event);
    ring.floor = event.seq;
    ring.bytes -= event.frame.length;
  }
  for (const [turn, seq] of ring.ended) {
    if (seq > ring.floor) continue;
    ring.ended.delete(turn);
    ring.endsLeft++;
  }
}

function foldEvicted(ring: Ring, event: VisibleEvent): void {
  const { turn, type } = event;
  if (type === "title") ring.title = titleIn(event);
  if (type === "handover") ring.handover = handoverIn(event);
  if (isChange(event)) ring.hasChanges = true;
  // As an end that has left: who has read the posts a moment before lacks this one.
  if (type === "post") ring.endsLeft++;
  if (ring.ended.has(turn)) {
    ring.base.delete(turn);
    ring.settled.delete(turn);
    ring.quiet = undefined;
    return;
  }
  fold(ring.base, event);
  if (!isFoldable(type) || !ring.base.has(turn)) ring.quiet = undefined;
  else if (ring.quiet?.turn !== turn) ring.quiet = { since: ring.floor, turn };
}

/** Folds an event into the turn it belongs to, if that turn's beginning is known. */
function fold(turns: Map<TurnId, OpenTurn>, event: VisibleEvent): void {
  const { turn, type, seq } = event;
  // A message whose first event was forgotten is written again: what is known of its turn stays.
  if (type === "message" && !turns.has(turn)) turns.set(turn, { startSeq: seq, view: createTurnView(turn) });
  const open = turns.get(turn);
  if (open === undefined) return;
  if (isTerminal(type)) turns.delete(turn);
  else turns.set(turn, foldOpen(open, decodeVisible(event)));
}

/** The turns that begin in these events, or were open before, and do not end in them. */
function openTurns(events: readonly VisibleEvent[], before: OpenTurns): Map<TurnId, OpenTurn> {
  const turns = new Map(before);
  for (const event of events) fold(turns, event);
  return turns;
}
