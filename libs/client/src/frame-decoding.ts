import { isServerFrame, type ServerFrame } from "@parley/protocol/fold";

/** Reads what one's own server has sent. Undefined when it is no frame this client knows, or not JSON: a newer server may send more. */
export function decodeServerFrame(data: unknown): ServerFrame | readonly ServerFrame[] | undefined {
  try {
    const sent: unknown = typeof data === "string" && JSON.parse(data);
    if (Array.isArray(sent) && sent.length > 0) return sent.filter(isServerFrame);
    return isServerFrame(sent) ? sent : undefined;
  } catch {
    return undefined;
  }
}
