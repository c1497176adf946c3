import type { IncomingMessage } from "node:http";
import { ApiStatus, badRequest } from "./api-status.ts";

const MAX_BODY_BYTES = 1024 * 1024;

/** The JSON body, or undefined when there is none. Throws 400, 413 and 415 as the API server does. */
export async function readJsonBody(req: IncomingMessage): Promise<unknown> {
  const type = req.headers["content-type"] ?? "application/json";
  if (!/json/.test(type)) throw new ApiStatus(415, "UnsupportedMediaType", "the simulated cluster reads JSON only");
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of req) {
    const chunk: unknown = part;
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    // What is too much is read and dropped: a socket closed in mid-upload would hide the refusal from the sender.
    if (bytes <= MAX_BODY_BYTES) parts.push(chunk);
  }
  if (bytes > MAX_BODY_BYTES) throw new ApiStatus(413, "RequestEntityTooLarge", `limit is ${MAX_BODY_BYTES}`);
  const text = Buffer.concat(parts).toString("utf8");
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("the body is not JSON");
  }
}
