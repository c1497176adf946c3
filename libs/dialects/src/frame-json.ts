import type { ConnectionFrame } from "@parley/protocol";

/** Of frames that several viewers get. They live as long as their frames. */
const encoded = new WeakMap<ConnectionFrame, Buffer>();

/**
 * The bytes of a frame. A snapshot may be as large as a quarter of a megabyte, and after a late event all who look at a conversation get the same
 * one: it is encoded once.
 */
export function jsonOf(frame: ConnectionFrame): Buffer {
  if (frame.type !== "snapshot") return bytesOf(frame);
  let bytes = encoded.get(frame);
  if (bytes === undefined) encoded.set(frame, (bytes = bytesOf(frame)));
  return bytes;
}

function bytesOf(frame: object): Buffer {
  return Buffer.from(JSON.stringify(frame));
}
