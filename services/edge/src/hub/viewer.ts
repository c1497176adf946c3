import type { ConnectionFrame, ConversationId, TurnId, WaitingFrame } from "@parley/protocol";
import type { Outlet } from "../delivery/outlet.ts";
import type { Known } from "./ring.ts";

/** What a viewer needs of its hub. */
export interface Source {
  readonly conversation: ConversationId;
  readonly ring: Known;
  readonly viewers: ReadonlySet<Viewer>;
}

/**
 * How far a viewer (one connection looking at one conversation) is:
 *
 *     held ── what must be sent first is sent ──▶ lagging ── has everything ──▶ live
 *       │                                         ▲      ▲                       │
 *       └── it may lack an event ──▶ doubted ─────┘      └── its socket is full, ┘
 *                                    that is known           or the hub re-reads
 *     doubted, lagging, live ── its client sends a message ──▶ held
 *     any ── it leaves, or its connection does ──▶ gone
 *
 * Only `live` viewers get events as they come; `lagging` ones are caught up. A `doubted` one gets none: with each its client's cursor would move
 * further from the event that it may lack, until nobody could tell any more that it does.
 */
export type ViewerState = "held" | "doubted" | "lagging" | "live" | "gone";

const moves: Record<ViewerState, readonly ViewerState[]> = {
  held: ["doubted", "lagging", "gone"],
  doubted: ["held", "lagging", "gone"],
  lagging: ["held", "live", "gone"],
  live: ["held", "lagging", "gone"],
  gone: [],
};

export interface Viewer {
  readonly source: Source;
  readonly outlet: Outlet;
  /** Only `moveViewer` changes it. */
  readonly state: ViewerState;
  /** Stream sequence up to which it has everything; `noCursor`: it needs a snapshot of the conversation. */
  cursor: number;
  /** It began at a message, and has nothing up to this stream sequence; `noCursor`: it has everything, by its own word or ours. */
  fromSeq: number;
  /** Wire sequence of the newest frame it got before all began anew: a snapshot must be above it. */
  sentSeq: number;
  /** Stream sequence at which it came back, while it is not known whether it lacks an event before that; `noCursor`: it does not. */
  doubtedSeq: number;
  /** Of this turn it may lack something below its cursor: a snapshot of it comes first. */
  mayLackOf: TurnId | undefined;
  /** Stream sequence of a message that its client, which has nothing, sends again: all ends from there on are to be told. */
  owedSeq: number | undefined;
  /** Turns that its client asks for again although it got the whole: older than that, perhaps. */
  owed: Set<TurnId> | undefined;
  /** Stream sequence as of which it got the whole conversation, of which older turns may not have been a part, or the cursor with which it came back; `noCursor`: neither. */
  wholeSeq: number;
  /** Answers to its messages that come with the whole conversation, by the turn: without it, what they claim would be below its cursor for ever. */
  promised: Map<TurnId, ConnectionFrame> | undefined;
  /** What it was told last of what waits; undefined: nothing. */
  queueTold: WaitingFrame | undefined;
  /** It has nothing yet and begins at a message: of no turn must it get the rest alone. */
  begins: boolean;
  /** It waits for `subscribed`, which says how it is caught up. */
  isGreeted: boolean;
  /** The cursor that its client asks to go on from, 0 without one; undefined: it was counted, or nobody asked. */
  asksAfter: number | undefined;
  /** Events are being read for it. */
  isReading: boolean;
  /** Times that reading failed. */
  failures: number;
}

/** The only function that changes a viewer's state. It stays where it is if it may not go there, as when it is there already. */
export function moveViewer(viewer: Pick<Viewer, "state">, state: ViewerState): void {
  if (!moves[viewer.state].includes(state)) return;
  // Readonly for all others.
  const changed: { state: ViewerState } = viewer;
  changed.state = state;
}
