import { isServerFrame, type ServerFrame } from "@parley/protocol/fold";

/** Reads a frame of one's own server. Undefined when it is none this client knows: a newer server may send more. */
export function decodeServerFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  const frame = parseJson(data);
  return isServerFrame(frame) ? frame : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: like any other frame this client does not know.
    return undefined;
  }
}
