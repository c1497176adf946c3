import { applyEvent, createTurnView, isTerminal, type TurnId, type TurnView } from "@parley/protocol";
import { decodeVisible, isFoldable, type VisibleEvent } from "./visible-event.ts";

export interface RingLimits {
  readonly ringEvents: number;
  readonly ringBytes: number;
}

/** A turn that has begun and not ended, folded up to some place in the conversation. */
export interface OpenTurn {
  /** Its first event: the user's message. */
  readonly startSeq: number;
  readonly view: TurnView;
}

/** What is known of a conversation: enough to bring a viewer from a cursor to the present. */
export interface Known {
  /** Every visible event above this is in `events`. */
  readonly floor: number;
  readonly events: readonly VisibleEvent[];
  /** Turns open at the floor, folded up to it. */
  readonly base: ReadonlyMap<TurnId, OpenTurn>;
  /** Whether `base` holds all of them, also those that began before the hub did. */
  readonly rooted: boolean;
  /** Between `since` and the floor there was nothing but foldable events of `turn`: its fold in `base` stands for them. */
  readonly quiet: { readonly since: number; readonly turn: TurnId } | undefined;
}

export type Ring = ReturnType<typeof createRing>;

/**
 * The recent visible events of a conversation, bounded, and the fold of what fell out of it. Evicting folds only turns that still run: the
 * events of an ended turn leave together with its end, unread.
 */
export function createRing(limits: RingLimits) {
  let events: VisibleEvent[] = [];
  let bytes = 0;
  let floor = 0;
  let rooted = false;
  let quiet: { since: number; turn: TurnId } | undefined;
  const base = new Map<TurnId, OpenTurn>();
  /** Turns whose end is in `events`, with its sequence. */
  const ended = new Map<TurnId, number>();

  const foldEvicted = (event: VisibleEvent): void => {
    const { turn, type } = event;
    if (ended.has(turn)) {
      base.delete(turn);
      quiet = undefined;
      return;
    }
    fold(base, event);
    if (!isFoldable(type) || !base.has(turn)) quiet = undefined;
    else if (quiet?.turn !== turn) quiet = { since: floor, turn };
  };

  const evict = (count: number): void => {
    const leaving = events.slice(0, count);
    events = events.slice(count);
    for (const event of leaving) {
      foldEvicted(event);
      floor = event.seq;
      bytes -= event.frame.length;
    }
    for (const [turn, seq] of ended) if (seq <= floor) ended.delete(turn);
  };

  /** At least half of the events, and no ended turn in part. */
  const evictOlderHalf = (): void => {
    let count = Math.ceil(events.length / 2);
    for (let i = 0; i < count; i++) {
      const end = ended.get(events[i]?.turn ?? "") ?? 0;
      while (count < events.length && (events[count]?.seq ?? Infinity) <= end) count++;
    }
    evict(count);
  };

  return {
    get floor() {
      return floor;
    },
    get events(): readonly VisibleEvent[] {
      return events;
    },
    get base(): ReadonlyMap<TurnId, OpenTurn> {
      return base;
    },
    get rooted() {
      return rooted;
    },
    get quiet() {
      return quiet;
    },
    get bytes() {
      return bytes;
    },

    /** Forgets everything: all that is known begins after this sequence. */
    reset(seq: number): void {
      events = [];
      bytes = 0;
      floor = seq;
      rooted = false;
      quiet = undefined;
      base.clear();
      ended.clear();
    },

    append(event: VisibleEvent): void {
      events.push(event);
      bytes += event.frame.length;
      if (isTerminal(event.type)) ended.set(event.turn, event.seq);
    },

    /** Evicts down to the limits. Not part of `append`: what was just appended must be there until it has been sent. */
    enforceLimits(): void {
      while (events.length > limits.ringEvents || bytes > limits.ringBytes) evictOlderHalf();
    },

    /** Lets go of all events: for a conversation in which nothing happens. */
    trim(): void {
      evict(events.length);
    },

    /** There is no event above this sequence and up to the floor. */
    lowerFloor(seq: number): void {
      floor = Math.min(floor, seq);
    },

    /**
     * Takes in all events from `fromSeq` up to the floor. `isRoot`: no turn that is open now began earlier. They join the ring when there
     * is room; else only the turns open at the floor are kept, folded.
     */
    extendDown(fromSeq: number, history: readonly VisibleEvent[], isRoot: boolean): void {
      const size = bytes + history.reduce((sum, { frame }) => sum + frame.length, 0);
      const fits = events.length + history.length <= limits.ringEvents && size <= limits.ringBytes;
      if (fits && [...base.values()].every(({ startSeq }) => startSeq >= fromSeq)) {
        base.clear();
        quiet = undefined;
        floor = Math.min(floor, fromSeq - 1);
        events = [...history, ...events];
        bytes = size;
        for (const { turn, type, seq } of history) if (isTerminal(type)) ended.set(turn, seq);
      } else {
        for (const [turn, open] of openTurns(history)) if (!base.has(turn)) base.set(turn, open);
      }
      rooted ||= isRoot;
    },
  };
}

/** Folds an event into the turn it belongs to, if that turn's beginning is known. */
function fold(turns: Map<TurnId, OpenTurn>, event: VisibleEvent): void {
  const { turn, type, seq } = event;
  if (type === "message") turns.set(turn, { startSeq: seq, view: createTurnView(turn) });
  const open = turns.get(turn);
  if (open === undefined) return;
  if (isTerminal(type)) turns.delete(turn);
  else applyEvent(open.view, decodeVisible(event));
}

/** The turns that begin in these events and do not end in them. */
function openTurns(events: readonly VisibleEvent[]): Map<TurnId, OpenTurn> {
  const turns = new Map<TurnId, OpenTurn>();
  for (const event of events) fold(turns, event);
  return turns;
}
