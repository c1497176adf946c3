import type { Dialect } from "@parley/dialects";
import type { Caller, ConversationId } from "@parley/protocol";
import type { AskedTurns } from "./answer-times.ts";
import type { FrameBatch } from "./frame-batch.ts";

/** What sending needs of a WebSocket. */
export interface Sink {
  /** 1: sent, 0: it waits in the buffer, 2: dropped. */
  send(message: Uint8Array, isBinary: boolean): number;
  getBufferedAmount(): number;
  cork(callback: () => void): unknown;
  end(code: number, reason: string): void;
}

/** How far a client was in a conversation that it left. */
export interface LeftAt {
  /** Wire cursor of the last frame it got: `seq` never falls on a connection. */
  readonly seq: number;
  /** Wire cursor up to which it had nothing; `noCursor`: it had everything. */
  readonly fromSeq: number;
  /** It waited for the whole conversation, because it lacked something. */
  readonly needsWhole: boolean;
}

/** The sending half of a connection. A plain record, because there are tens of thousands. */
export interface Outlet {
  /** Undefined once it is closed: every method of a closed socket throws. */
  ws: Sink | undefined;
  dialect: Dialect;
  /** Whose it is, once that is known. */
  readonly caller?: Caller | undefined;
  /** Its client has said that it knows what people say to each other in rooms. */
  readonly knowsPosts?: boolean;
  /** Whose socket it is sent over, where that is another one's: that one knows whether there is room. */
  readonly carrier?: Outlet | undefined;
  /** To be called when it was sent away from a conversation; `seq`: its wire cursor, if it had one. */
  readonly onDismissed?: ((conversation: ConversationId, seq: number | undefined) => void) | undefined;
  /** Its client has said that it knows batches of frames. */
  readonly knowsBatches?: boolean;
  /** What leaves together, while it is put together. */
  batch?: FrameBatch | undefined;
  /** It was closed here, with this code. */
  closeCode: number | undefined;
  /** A subscription was answered on it. */
  hasSubscribed: boolean;
  /** The turns that it asked for and whose end it has not been sent. */
  asked: AskedTurns | undefined;
  /** Its viewers, by their conversations: here their number counts, and that one can be let go. */
  readonly viewers: { readonly size: number; delete(conversation: string): boolean };
  /** Conversations it unsubscribed from, or was sent away from. */
  left?: Map<ConversationId, LeftAt> | undefined;
  /** Conversations in which it asked in vain to go on from a cursor, or was sent away from there: the next message does. */
  wanted?: Map<ConversationId, number> | undefined;
  /** When it began to lag (a `performance.now`); 0: it does not. */
  laggingSinceMs: number;
  /** Bytes of answers to its own frames that were added while it lagged. */
  owedBytes: number;
}
