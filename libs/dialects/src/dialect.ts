import type { Caller, ClientFrame, ConnectionFrame, ConversationId, TurnId } from "@parley/protocol";
import type { VisibleEvent } from "./visible-event.ts";

export type Encoded = Uint8Array | readonly Uint8Array[];

/** What a client asks for with one text. Several: they are handled in this order, and none behind one that is refused. */
export type Decoded = ClientFrame | readonly ClientFrame[];

/**
 * How a client speaks. All dialects carry the same events; each is a folder beside this file, with files of the same names as far as it has something
 * to put in them: `dialect.ts` puts it together, `decode.ts` reads what its clients send, `encode.ts` says events and frames as it does, `state.ts` is
 * what it knows of one client, `addresses.ts` how its clients name conversations. A dialect that must remember something of its client is made anew
 * for each connection.
 */
export interface Dialect {
  readonly name: string;
  /**
   * Reads, and performs nothing: whether the caller may still ask is checked when the frames are handled. `caller`: whose connection it is, once that is known. Throws
   * ChatError INVALID_FRAME, EMPTY_MESSAGE or MESSAGE_TOO_LARGE.
   */
  decode(text: string, caller: Caller | undefined): Decoded | Promise<Decoded>;
  /** The frames of one event, each a text message; none when the dialect does not show it. */
  encodeEvent(event: VisibleEvent): Encoded;
  /** A frame of the connection itself, or a snapshot. */
  encodeFrame(frame: ConnectionFrame): Encoded;
  /**
   * Whether the client still waits for something in the conversation. A client whose dialect can say so does not have to say when it no
   * longer looks at one. Absent: it looks until it says otherwise.
   */
  isWaitingIn?(conversation: ConversationId): boolean;
  /**
   * The turns of the conversation whose end the client waits for. A client whose dialect can say so hears of a deletion only as the end of all of
   * these. Absent: it is told of each.
   */
  turnsIn?(conversation: ConversationId): readonly TurnId[];
  /** The socket has closed. Never throws. */
  closed?(): void;
}
