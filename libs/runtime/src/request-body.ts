import type { IncomingMessage } from "node:http";

/** Admin requests carry settings and test scripts, not data. */
const maxJsonBytes = 1_048_576;

export class RequestBodyError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "RequestBodyError";
    this.status = status;
  }
}

/** The whole body; undefined when it is larger than `maxBytes`. Rejects when the caller goes away. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) continue;
    sizeBytes += chunk.byteLength;
    // The rest is read and dropped: a socket closed in mid-upload would hide the answer from the sender.
    if (sizeBytes <= maxBytes) chunks.push(chunk);
  }
  return sizeBytes > maxBytes ? undefined : Buffer.concat(chunks);
}

/** The parsed body; undefined when it is empty. Throws a `RequestBodyError` (400 or 413). */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request, maxJsonBytes);
  if (body === undefined) throw new RequestBodyError(413, `The body is larger than ${maxJsonBytes} bytes.`);
  const text = body.toString("utf8");
  if (text.trim() === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    throw new RequestBodyError(400, "The body is not JSON.");
  }
}
