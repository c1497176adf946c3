import type { ConnectionFrame, ConversationId, TurnId, WaitingFrame } from "@parley/protocol";
import type { Dialect } from "../dialect/dialect.ts";
import type { AskedTurns } from "../delivery/answer-times.ts";
import type { Known } from "./ring.ts";

/** What sending needs of a WebSocket. */
export interface Sink {
  /** 1: sent, 0: it waits in the buffer, 2: dropped. */
  send(message: Uint8Array, isBinary: boolean): number;
  getBufferedAmount(): number;
  cork(callback: () => void): unknown;
  end(code: number, reason: string): void;
}

/** The sending half of a connection. A plain record, because there are tens of thousands. */
export interface Outlet {
  /** Undefined once it is closed: every method of a closed socket throws. */
  ws: Sink | undefined;
  dialect: Dialect;
  /** It was closed here, with this code. */
  closeCode: number | undefined;
  /** A subscription was answered on it. */
  hasSubscribed: boolean;
  /** The turns that it asked for and whose end it has not been sent. */
  asked: AskedTurns | undefined;
  /** Its conversations. */
  readonly viewers: Map<ConversationId, Viewer>;
  /** When it began to lag (a `performance.now`); 0: it does not. */
  laggingSinceMs: number;
  /** Bytes of answers to its own frames that were added while it lagged. */
  owedBytes: number;
}

/** What sending needs of a hub. */
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
 *     any ── it leaves, or its connection does ──▶ gone
 *
 * Only `live` viewers get events as they come; `lagging` ones are caught up. A `doubted` one gets none: with each its client's cursor would move
 * further from the event that it may lack, until nobody could tell any more that it does.
 */
export type ViewerState = "held" | "doubted" | "lagging" | "live" | "gone";

export interface Viewer {
  readonly source: Source;
  readonly outlet: Outlet;
  state: ViewerState;
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
  /** It got the whole conversation, of which older turns may not have been a part. */
  hasWhole: boolean;
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
