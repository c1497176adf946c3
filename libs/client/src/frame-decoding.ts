import { ServerFrame } from "@parley/protocol";

/**
 * Reads a frame of the server. Undefined when it is none this client knows: a newer server may send more.
 */
export function decodeServerFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  return ServerFrame.safeParse(parseJson(data)).data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: like any other frame this client does not know.
    return undefined;
  }
}
