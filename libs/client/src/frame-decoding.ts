import { ErrorCode, ServerFrame } from "@parley/protocol";

/**
 * Reads a frame of the server. Undefined when it is none this client knows: a newer server may send more. An error whose code is unknown is
 * still an error that answers something, so it is read as PROCESSING_ERROR with the server's sentence.
 */
export function decodeServerFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  const value = parseJson(data);
  const frame = ServerFrame.safeParse(value);
  if (frame.success) return frame.data;
  if (typeof value !== "object" || value === null || !("code" in value)) return undefined;
  if (ErrorCode.safeParse(value.code).success) return undefined;
  const known = ServerFrame.safeParse({ ...value, code: "PROCESSING_ERROR" });
  return known.success ? known.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: like any other frame this client does not know.
    return undefined;
  }
}
