import { decodeVisible, isFoldable, type VisibleEvent } from "@parley/dialects";
import { createTurnView, isTerminal, isToolCall, type TurnId, type TurnView } from "@parley/protocol";
import { deliveryLimits, type DeliveryLimits } from "../delivery/delivery-limits.ts";
import { firstAfter } from "../delivery/delivery.ts";
import { foldOpen, type Known, type OpenTurn } from "./ring.ts";
import { hasBeginning } from "./visible-event.ts";

/** One frame that a viewer gets to catch up. */
export type CatchUpStep =
  | { readonly kind: "event"; readonly seq: number; readonly event: VisibleEvent }
  /** The turn as of `seq`: it replaces what the viewer has of it. */
  | { readonly kind: "snapshot"; readonly seq: number; readonly turn: TurnView };

export type CatchUpPlan =
  /** `live`: nothing is missing; `replay`: the missing events themselves; `snapshot`: partly folded. */
  | { readonly kind: "steps"; readonly mode: "live" | "replay" | "snapshot"; readonly steps: readonly CatchUpStep[] }
  /** Events after the cursor are no longer, or not yet, in the hub. */
  | { readonly kind: "below floor" }
  /** The viewer begins here, and would get only the rest of this turn. */
  | { readonly kind: "turn under way"; readonly turn: TurnId }
  /** A snapshot of this turn is needed, but its beginning is below the floor; or, as `isTorn` says, is not kept at all. */
  | { readonly kind: "unknown turn"; readonly turn: TurnId; readonly isTorn: boolean }
  /** A snapshot must be above what is certain: something may be missing up to there. */
  | { readonly kind: "unsure" }
  /** A snapshot must be above the cursor, but there an event follows that no snapshot of a turn stands for. */
  | { readonly kind: "no room" };

export type Unready = Exclude<CatchUpPlan, { kind: "steps" }>;

export type ReplayLimits = Pick<DeliveryLimits, "replayEvents" | "replayBytes" | "rawRunEvents" | "rawRunBytes">;

/** What plans of one state of what is known have in common: a snapshot of its turn by its sequence, whichever cursor it is for. */
export type SharedSnapshots = Map<number, CatchUpStep>;

export interface ViewerPlace {
  /** The viewer has everything up to this sequence. */
  readonly cursor: number;
  /** Nothing up to this sequence is missing in what is known. */
  readonly sure: number;
}

/**
 * What a viewer with this cursor must get. Whatever the number of missing events, the frames' sequences rise, every message and every end
 * is among them, and after each frame the viewer has everything up to that frame's sequence: it may be cut off at any place and go on
 * from there.
 */
export function planCatchUp(
  known: Known,
  { cursor, sure }: ViewerPlace,
  limits: ReplayLimits = deliveryLimits,
  shared: SharedSnapshots = new Map(),
): CatchUpPlan {
  const folded = cursor < known.floor ? quietTurn(known, cursor) : undefined;
  if (cursor < known.floor && folded === undefined) return { kind: "below floor" };
  const missing = known.events.slice(firstAfter(known.events, cursor));
  if (folded === undefined && isShort(missing, limits)) {
    const steps = missing.map(asItIs);
    return { kind: "steps", mode: steps.length === 0 ? "live" : "replay", steps };
  }
  return compact(missing, folded, { known, folder: createFolder(known), sure, limits, shared });
}

/** That of a viewer which may lack something of a turn below its cursor. */
export interface DoubtedPlace extends ViewerPlace {
  readonly turn: TurnId;
}

/**
 * What a viewer must get that may lack something of this turn below its cursor: first a snapshot of the turn, as little above the cursor as can be, so
 * that whatever is no part of it follows.
 */
export function planCompletion(
  known: Known,
  { cursor, turn, sure }: DoubtedPlace,
  limits: ReplayLimits = deliveryLimits,
): CatchUpPlan {
  if (cursor < known.floor) return { kind: "below floor" };
  const next = known.events[firstAfter(known.events, cursor)];
  // Just below the next event; where there is no room, at its place.
  const seq = Math.min(sure, Math.max(cursor + 1, (next?.seq ?? Infinity) - 1));
  if (seq <= cursor) return { kind: "unsure" };
  if (seq === next?.seq && !(next.turn === turn && isFoldable(next.type))) return { kind: "no room" };
  const snapshot = createFolder(known).snapshotAt(turn, seq);
  if (snapshot === undefined) return unknownTurn(known, turn);
  const rest = planCatchUp(known, { cursor: seq, sure }, limits);
  return rest.kind === "steps" ? { ...rest, mode: "snapshot", steps: [snapshot, ...rest.steps] } : rest;
}

/** A turn that goes on after the cursor and began before it. */
export function turnUnderWay({ events }: Known, cursor: number): TurnId | undefined {
  const begun = new Set<TurnId>();
  for (const { turn, type } of events.slice(firstAfter(events, cursor))) {
    if (type === "message") begun.add(turn);
    // What belongs to the conversation alone has no turn.
    else if (turn !== "" && !begun.has(turn)) return turn;
  }
  return undefined;
}

function quietTurn({ quiet }: Known, cursor: number): TurnId | undefined {
  return quiet !== undefined && cursor >= quiet.since ? quiet.turn : undefined;
}

function isShort(events: readonly VisibleEvent[], limits: ReplayLimits): boolean {
  return events.length <= limits.replayEvents && sizeOf(events) <= limits.replayBytes;
}

function sizeOf(events: readonly VisibleEvent[]): number {
  return events.reduce((sum, { frame }) => sum + frame.length, 0);
}

/** Consecutive foldable events of one turn. `onlyFolded`: the first of them are no longer there as events. */
interface Run {
  readonly turn: TurnId;
  readonly events: VisibleEvent[];
  readonly onlyFolded: boolean;
  seq: number;
}

/** What the steps for all runs are made from. */
interface Folding {
  readonly known: Known;
  readonly folder: Folder;
  readonly sure: number;
  readonly limits: ReplayLimits;
  readonly shared: SharedSnapshots;
}

/**
 * Folds each run of events of one turn into one snapshot. A run ends where another turn's event, a message or an end stands between:
 * moving those around would make a cursor claim what the viewer does not have.
 */
function compact(missing: readonly VisibleEvent[], folded: TurnId | undefined, folding: Folding): CatchUpPlan {
  const steps: CatchUpStep[] = [];
  let run: Run | undefined;
  if (folded !== undefined) run = { turn: folded, events: [], onlyFolded: true, seq: folding.known.floor };

  for (const event of [...missing, undefined]) {
    if (event !== undefined && run !== undefined && run.turn === event.turn && isFoldable(event.type)) {
      run.events.push(event);
      run.seq = event.seq;
      continue;
    }
    const ready = run === undefined ? [] : stepsOfRun(run, folding);
    if ("kind" in ready) return ready;
    steps.push(...ready);
    run = undefined;
    if (event === undefined) break;
    if (isFoldable(event.type)) run = { turn: event.turn, events: [event], onlyFolded: false, seq: event.seq };
    else steps.push(asItIs(event));
  }
  return { kind: "steps", mode: "snapshot", steps };
}

function asItIs(event: VisibleEvent): CatchUpStep {
  return { kind: "event", seq: event.seq, event };
}

/** A snapshot, and behind it the events above what is certain, if one that comes late might have to be in it. */
function stepsOfRun(run: Run, { known, folder, sure, limits, shared }: Folding): readonly CatchUpStep[] | Unready {
  const { turn, seq, events, onlyFolded } = run;
  if (!onlyFolded && (isSmallRun(events, limits) || folder.hasEndedBefore(turn, seq))) return events.map(asItIs);
  const all = shared.get(seq) ?? folder.snapshotAt(turn, seq);
  if (all === undefined) return unknownTurn(known, turn);
  shared.set(seq, all);
  if (seq <= sure || !hasCalls(all)) return [all];
  const certain = lastUpTo(run, known.floor, sure);
  if (certain === undefined) return { kind: "unsure" };
  // Folded anew: the other one has gone too far.
  const step = shared.get(certain) ?? createFolder(known).snapshotAt(turn, certain);
  if (step === undefined) return unknownTurn(known, turn);
  shared.set(certain, step);
  return [step, ...events.slice(firstAfter(events, certain)).map(asItIs)];
}

/** Whether the snapshot may lack what comes late: the chain of an answer has no holes, but each result of a tool has a subject of its own. */
function hasCalls(step: CatchUpStep): boolean {
  return step.kind === "snapshot" && step.turn.parts.some(isToolCall);
}

/** The last place of the run that is not above this. */
function lastUpTo({ events, onlyFolded }: Run, floor: number, seq: number): number | undefined {
  return events.findLast((event) => event.seq <= seq)?.seq ?? (onlyFolded && floor <= seq ? floor : undefined);
}

function isSmallRun(events: readonly VisibleEvent[], limits: ReplayLimits): boolean {
  return events.length <= limits.rawRunEvents && sizeOf(events) <= limits.rawRunBytes;
}

type Folder = ReturnType<typeof createFolder>;

function unknownTurn({ events }: Known, turn: TurnId): Unready {
  const isKnown = events.some((event) => event.turn === turn && event.type === "message");
  return { kind: "unknown turn", turn, isTorn: isKnown && !hasBeginning(events, turn) };
}

/** Folds turns forward on demand; asked with rising sequences. */
function createFolder({ base, events, rooted }: Known) {
  const folded = new Map<TurnId, { open: OpenTurn; next: number }>();

  const begin = (turn: TurnId): { open: OpenTurn; next: number } | undefined => {
    const open = base.get(turn);
    if (open !== undefined) return { open, next: 0 };
    const next = events.findIndex((event) => event.turn === turn);
    const { seq: startSeq = 0, type } = events[next] ?? {};
    return type === "message" && hasBeginning(events, turn)
      ? { open: { startSeq, view: createTurnView(turn) }, next }
      : undefined;
  };

  return {
    /** An event after its turn's end (a tool that was stopped too late) is never part of a snapshot: that would reopen the turn. */
    hasEndedBefore: (turn: TurnId, seq: number): boolean =>
      events.some((event) => event.turn === turn && event.seq < seq && isTerminal(event.type)) ||
      (rooted && !base.has(turn) && !events.some((event) => event.turn === turn && event.type === "message")),

    /** The turn as of that sequence, or undefined when its beginning is not known, or only what it was later. */
    snapshotAt(turn: TurnId, seq: number): CatchUpStep | undefined {
      const progress = folded.get(turn) ?? begin(turn);
      if (progress === undefined || seq < (progress.open.settled?.seq ?? 0)) return undefined;
      folded.set(turn, progress);
      for (; progress.next < events.length; progress.next++) {
        const event = events[progress.next];
        if (event === undefined || event.seq > seq) break;
        if (event.turn === turn) progress.open = foldOpen(progress.open, decodeVisible(event));
      }
      return { kind: "snapshot", seq, turn: progress.open.view };
    },
  };
}
