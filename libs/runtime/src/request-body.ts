import type { IncomingMessage } from "node:http";

/** Admin requests carry settings and test scripts, not data. */
const MAX_BODY_BYTES = 1_048_576;

export class RequestBodyError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "RequestBodyError";
    this.status = status;
  }
}

/** The parsed body; undefined when it is empty. Throws a `RequestBodyError` (400 or 413). */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) continue;
    sizeBytes += chunk.byteLength;
    // The rest is read and dropped: a socket closed in mid-upload would hide the answer from the sender.
    if (sizeBytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (sizeBytes > MAX_BODY_BYTES) throw new RequestBodyError(413, `The body is larger than ${MAX_BODY_BYTES} bytes.`);
  const text = Buffer.concat(chunks).toString("utf8");
  if (text.trim() === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    throw new RequestBodyError(400, "The body is not JSON.");
  }
}
