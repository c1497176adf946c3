import { isServerFrame, type ServerFrame } from "@parley/protocol/fold";

/** Reads a frame of one's own server. Undefined when it is none this client knows, or not JSON: a newer server may send more. */
export function decodeServerFrame(data: unknown): ServerFrame | undefined {
  try {
    const frame: unknown = typeof data === "string" && JSON.parse(data);
    return isServerFrame(frame) ? frame : undefined;
  } catch {
    return undefined;
  }
}
