/** The SDK keeps an event whole until its blank line has come, and joins it anew with every chunk. */
const MAX_EVENT_BYTES = 2 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * `fetch` for the SDK with what the SDK lacks: a bound on one event and on the body of an error, and errors of servers
 * that do not wrap them in `{"error": …}` (FastAPI's `detail`, older vLLM), of which the SDK would keep nothing.
 */
export async function providerFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  if (response.body === null) return response;
  const { status, headers } = response;
  if (!response.ok) return new Response(await readErrorBody(response.body), { status, headers });
  return new Response(response.body.pipeThrough(eventBound(MAX_EVENT_BYTES)), { status, headers });
}

async function readErrorBody(body: ReadableStream<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    parts.push(part);
    bytes += part.byteLength;
    if (bytes > MAX_ERROR_BYTES) break;
  }
  return withErrorKey(Buffer.concat(parts).toString("utf8", 0, MAX_ERROR_BYTES));
}

function withErrorKey(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || "error" in value) return text;
    return JSON.stringify({ error: value });
  } catch {
    // Not JSON: the SDK takes the text itself as the message.
    return text;
  }
}

/** Fails the stream once more than `maxBytes` have come without the blank line that ends an event. */
function eventBound(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let openBytes = 0;
  let atLineStart = false;
  return new TransformStream({
    transform(chunk, controller) {
      const end = endOfLastEvent(chunk, atLineStart);
      openBytes = end === undefined ? openBytes + chunk.byteLength : chunk.byteLength - end;
      atLineStart = endsAtLineStart(chunk, atLineStart);
      if (openBytes > maxBytes) controller.error(new RangeError(`an event is larger than ${maxBytes} bytes`));
      else controller.enqueue(chunk);
    },
  });
}

/** The offset behind the last blank line, with either line end. Events end where chunks end, so this looks from behind. */
function endOfLastEvent(chunk: Uint8Array, atLineStart: boolean): number | undefined {
  for (let at = chunk.lastIndexOf(LF); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf(LF, at - 1)) {
    const before = chunk[at - 1] === CR ? at - 2 : at - 1;
    if (before < 0 ? atLineStart : chunk[before] === LF) return at + 1;
  }
  return undefined;
}

function endsAtLineStart(chunk: Uint8Array, atLineStart: boolean): boolean {
  const last = chunk.at(-1);
  // A CR on its own belongs to the line end that the next chunk brings.
  if (last === CR) return chunk.length === 1 ? atLineStart : chunk.at(-2) === LF;
  return last === LF;
}
