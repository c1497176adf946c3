import type { ClientFrameInput } from "@parley/protocol";

/** The text of a frame that a native client sends. */
export function encodeClientFrame(frame: ClientFrameInput): string {
  return JSON.stringify(frame);
}
