import type { ChatError } from "@parley/protocol";
import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import type { Addresses, Whence } from "../admission/address.ts";
import { createBodyStream, type BodyStream } from "./body-stream.ts";
import { whenceOf } from "./peer.ts";
import { chatErrorReply, send, type Reply } from "./reply.ts";

export type Breaker = "client" | "edge";

/** One request and its answer. What the request said is copied: it is gone once its handler has returned. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly whence: Whence;
  /** The parameters of the path, in their order. */
  readonly parameters: readonly string[];
  readonly query: URLSearchParams;
  /** One of those that all routes read, or that this one has named. */
  header(name: string): string;
  /** False once it was answered, or the client is gone. */
  isOpen(): boolean;
  /** Called when the connection breaks before the client has the whole answer, and by whom; at once when it is broken already. */
  onGone(listener: (by: Breaker) => void): void;
  /** Breaks the connection: what the client has is no whole answer. */
  close(): void;
  /** Answers, unless the client is gone. `headers` are added to those of the reply. */
  reply(reply: Reply): void;
  /** The answer to what goes wrong, in the form that the clients of its route read. */
  refuse(error: ChatError): Reply;
  /** The answer is written bit by bit from now on, by the caller. Undefined when the client is gone. */
  take(): HttpResponse | undefined;
  /** The body as it comes, of a route that streams it. */
  readonly stream: BodyStream;
  /** The whole body; undefined when it is larger than `maxBytes`. Never resolves when the client goes away, and cuts it off after `withinMs` (default: 30 s). */
  body(maxBytes: number, withinMs?: number): Promise<Buffer | undefined>;
  /** Headers of the answer, whoever writes it. */
  readonly headers: Map<string, string>;
}

/** Of gateways: for whom they ask, as JSON in base64url. */
export const onBehalfOfHeader = "parley-on-behalf-of";

const headerNames = [
  "authorization",
  "accept",
  "content-type",
  "content-encoding",
  "idempotency-key",
  "last-event-id",
  "origin",
  "host",
  "cookie",
  "sec-fetch-site",
  "user-agent",
  "traceparent",
  onBehalfOfHeader,
];

/** The longest body by a bad mobile connection. Whoever sends a byte now and then would hold a connection for ever. */
const bodyMs = 30_000;
/** A sender that goes on for long after the limit is cut off: its answer is not worth the reading. */
const floodBytes = 4 * 1024 * 1024;

interface ExchangeHow {
  readonly parameterCount?: number;
  /** Headers beside those that all routes read. */
  readonly reads?: readonly string[];
  readonly refuse?: (error: ChatError, exchange: Exchange) => Reply;
  /** Its body is read as it comes, and never all of it is here. */
  readonly isStreamed?: boolean;
}

/** Must be called before the handler of the request returns. */
export function createExchange(
  response: HttpResponse,
  request: HttpRequest,
  addresses: Addresses,
  { parameterCount = 0, reads = [], refuse = (error) => chatErrorReply(error), isStreamed = false }: ExchangeHow = {},
): Exchange {
  const asked = copyOf(request, parameterCount, reads);
  const isHead = asked.method === "HEAD";
  const headers = new Map<string, string>();
  const broken = createBroken();
  let state: "open" | "taken" | "answered" | "gone" = "open";
  const isOpen = (): boolean => state === "open";
  const body = createBody(response, isOpen);
  const streamed = isStreamed ? createBodyStream(response, isOpen) : undefined;
  response.onAborted(() => {
    state = "gone";
    body.stop();
    streamed?.cut();
    broken.tell();
  });
  const exchange: Exchange = {
    ...asked,
    whence: whenceOf(addresses, response, request),
    headers,
    isOpen,
    stream: streamed?.stream ?? noStream,
    onGone: broken.listen,
    close() {
      if (state !== "taken") return;
      broken.isOurs();
      response.close();
    },
    reply(reply) {
      if (state !== "open") return;
      state = "answered";
      body.stop();
      streamed?.drop();
      send(response, { ...reply, headers: { ...Object.fromEntries(headers), ...reply.headers } }, isHead);
    },
    take() {
      if (state !== "open") return undefined;
      state = "taken";
      return response;
    },
    refuse: (error) => refuse(error, exchange),
    body: body.read,
  };
  return exchange;
}

/** What the request says of itself. */
function copyOf(
  request: HttpRequest,
  parameterCount: number,
  reads: readonly string[],
): Pick<Exchange, "method" | "path" | "parameters" | "query" | "header"> {
  const given = new Map([...headerNames, ...reads].map((name) => [name, request.getHeader(name)]));
  return {
    method: request.getMethod().toUpperCase(),
    path: request.getUrl(),
    parameters: Array.from({ length: parameterCount }, (_, index) => request.getParameter(index) ?? ""),
    query: new URLSearchParams(request.getQuery()),
    header: (name) => given.get(name) ?? "",
  };
}

const noStream: BodyStream = { read: () => Promise.resolve(undefined) };

/** Who wants to know that the connection is broken. */
function createBroken() {
  const listeners: ((by: Breaker) => void)[] = [];
  let by: Breaker = "client";
  let isTold = false;
  return {
    /** The edge is about to break it. */
    isOurs(): void {
      by = "edge";
    },
    tell(): void {
      isTold = true;
      for (const listener of listeners) listener(by);
    },
    listen(listener: (by: Breaker) => void): void {
      if (isTold) listener(by);
      else listeners.push(listener);
    },
  };
}

/** `isOpen`: after its answer the library must not be told to close it. */
function createBody(response: HttpResponse, isOpen: () => boolean) {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => clearTimeout(timer);
  return {
    stop,
    read(maxBytes: number, withinMs = bodyMs): Promise<Buffer | undefined> {
      timer = setTimeout(() => void (isOpen() && response.close()), withinMs);
      return readBody(response, maxBytes).finally(stop);
    },
  };
}

function readBody(response: HttpResponse, maxBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    response.onData((chunk, isLast) => {
      sizeBytes += chunk.byteLength;
      // The chunk is only borrowed; what is too much is read and dropped, so that the sender gets to see the answer.
      if (sizeBytes <= maxBytes) chunks.push(Buffer.from(Buffer.from(chunk)));
      if (isLast) resolve(sizeBytes <= maxBytes ? Buffer.concat(chunks) : undefined);
      else if (sizeBytes > Math.max(floodBytes, 2 * maxBytes)) response.close();
    });
  });
}
