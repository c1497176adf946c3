import { writeHead, type Reply } from "../../transport/reply.ts";
import { createPacedWriter } from "../../transport/paced-writer.ts";
import type { Exchange } from "../../transport/exchange.ts";

/** Between a request as uWebSockets.js has it and the `Request` and `Response` of the web, which the SDK speaks. */

/** What the SDK reads of a request, beside its body. */
export const mcpHeaders = ["accept", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name"];

/** Of the answer only these: the rest is about a connection that is ours. */
const answered = ["content-type", "cache-control", "x-accel-buffering", "allow", "www-authenticate"];

/** The body is given to the SDK beside it, parsed. `signal` is aborted when the client goes away. */
export function requestOf(exchange: Exchange, signal: AbortSignal): Request {
  const headers = mcpHeaders.flatMap((name): [string, string][] => {
    const value = exchange.header(name);
    return value === "" ? [] : [[name, value]];
  });
  // Nobody reads the host: who may ask was decided before.
  return new Request(`http://localhost${exchange.path}`, { method: exchange.method, headers, signal });
}

/** Undefined: it is a stream, and is written. `onOver`: called when the client has all that it gets. */
export async function answerWith(
  exchange: Exchange,
  response: Response,
  onOver: () => void,
): Promise<Reply | undefined> {
  const { status, body } = response;
  const headers = headersOf(response);
  if (body === null || !(headers["content-type"] ?? "").startsWith("text/event-stream")) {
    const text = await response.text();
    onOver();
    return { status, headers: { ...headers, "cache-control": "no-store" }, body: text };
  }
  void stream(exchange, { status, headers, body }).finally(onOver);
  return undefined;
}

function headersOf(response: Response): Record<string, string> {
  return Object.fromEntries(
    answered.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

interface Streamed {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReadableStream<Uint8Array>;
}

/** Takes from the stream no faster than the client reads. A client that reads nothing is cut off by the library after 10 s. */
async function stream(exchange: Exchange, { status, headers, body }: Streamed): Promise<void> {
  const reader = body.getReader();
  const response = exchange.take();
  if (response === undefined) return void reader.cancel().catch(() => {});
  const writer = createPacedWriter();
  let isGone = false;
  let wake = (): void => {};
  exchange.onGone(() => {
    isGone = true;
    writer.drop();
    wake();
    // The SDK may have ended it at the same time.
    reader.cancel().catch(() => {});
  });
  response.cork(() => writeHead(response, status, { ...Object.fromEntries(exchange.headers), ...headers }));
  writer.begin(response, () => {
    writer.flush();
    if (!writer.isBlocked) wake();
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isGone) return;
      if (done) break;
      writer.add(value);
      writer.flush();
      while (writer.isBlocked) {
        await new Promise<void>((resolve) => (wake = resolve));
        if (isGone) return;
      }
    }
    response.cork(() => response.end());
  } catch {
    // The rest cannot be had: the client must not take what it has for the whole.
    if (!isGone) response.close();
  }
}
