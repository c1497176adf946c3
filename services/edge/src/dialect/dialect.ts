import type { ClientFrame, ConnectionFrame } from "@parley/protocol";
import type { VisibleEvent } from "../hub/visible-event.ts";

/**
 * How a client speaks. All dialects carry the same events; one is one file beside this one. A dialect that must remember something of
 * its viewer is made anew for each connection.
 */
export interface Dialect {
  readonly name: string;
  /** Throws ChatError INVALID_FRAME or MESSAGE_TOO_LARGE. */
  decode(text: string): ClientFrame;
  /** The frames of one event, each a text message; none when the dialect does not show it. */
  encodeEvent(event: VisibleEvent): Uint8Array | readonly Uint8Array[];
  /** A frame of the connection itself, or a snapshot. */
  encodeFrame(frame: ConnectionFrame): Uint8Array | readonly Uint8Array[];
}
