import type { IncomingMessage } from "node:http";

/** The whole body, or undefined when it is larger than `maxBytes`. Rejects when the caller goes away. */
export async function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of req) {
    const chunk: unknown = part;
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    // What is too much is read and dropped: a socket closed in mid-upload would hide the refusal from the sender.
    if (bytes <= maxBytes) parts.push(chunk);
  }
  return bytes > maxBytes ? undefined : Buffer.concat(parts);
}
