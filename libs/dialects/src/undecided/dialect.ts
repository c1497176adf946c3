import { decodeClientFrame, type ConnectionFrame } from "@parley/protocol";
import type { Dialect } from "../dialect.ts";
import { connectionFrame } from "../seed-c/encode.ts";

/**
 * A connection without subprotocol until its first chat frame. What is sent before that is what all dialects can read: the native frames,
 * with every field that the seeds document. No `welcome`: clients of seed C take the first frame for the answer to their `auth`.
 */
export const undecidedDialect: Dialect = {
  name: "undecided",
  decode: decodeClientFrame,
  encodeEvent: ({ frame }) => frame,
  encodeFrame: (frame) => Buffer.from(JSON.stringify(readable(frame))),
};

function readable(frame: ConnectionFrame): object {
  switch (frame.type) {
    case "error":
      return { ...frame, data: { error: frame.error, code: frame.code } };
    case "auth_success":
      return connectionFrame(frame);
    default:
      return frame;
  }
}
