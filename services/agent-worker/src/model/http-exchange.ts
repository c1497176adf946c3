import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline, Transform, type Readable } from "node:stream";
import { urlToHttpOptions } from "node:url";
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { getProxyForUrl } from "proxy-from-env";
import { createHeldReadings } from "./held-reading.ts";
import { createAgents, type Agents, type ProxyFor } from "./http-agents.ts";

/** Of one request. */
const maxRedirects = 5;
/** Gateways add a header for each thing they know; Node takes 16 KiB by itself. */
const maxHeaderBytes = 128 * 1024;
/** After the end that the body says itself, its connection may take so long to become free for the next request. */
const lingerMs = 250;

export type RequestHeaders = Readonly<Record<string, string>>;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Decoded. It fails when the connection breaks off before the end. */
  readonly body: Readable;
  /** Reads nothing for so long: what comes meanwhile is read at once. */
  hold(ms: number): void;
  /** Nobody reads any further: the connection is used again if its answer ends soon, else closed. */
  release(): void;
}

interface Hop {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: RequestHeaders;
  readonly body: string | Buffer | undefined;
}

export type HttpExchange = ReturnType<typeof createHttpExchange>;

/**
 * Posts to HTTP servers as `fetch` does: redirects are followed, credentials stay with their origin, bodies are decoded. Connections are kept, proxies
 * are those of the environment. Once `signal` is aborted the connection is closed at once, whatever it is at; the request or its body then fails.
 */
export function createHttpExchange(proxyFor: ProxyFor = getProxyForUrl) {
  const agentFor = createAgents(proxyFor);
  const heldReading = createHeldReadings();

  return {
    /** Fails with the error of the connection; a status is none. */
    async post(
      url: URL,
      { headers, body }: Pick<Hop, "headers"> & { body: string | Buffer },
      signal: AbortSignal,
    ): Promise<Reply> {
      let hop: Hop = { url, method: "POST", headers, body };
      for (let redirects = 0; ; redirects++) {
        const response = await exchanged(hop, agentFor(hop.url), signal);
        const next = redirectOf(response, hop);
        if (next === undefined) return replyOf(response, heldReading(response.socket));
        response.destroy();
        if (redirects === maxRedirects) throw failure("too many redirects", "TOO_MANY_REDIRECTS");
        hop = next;
      }
    },
  };
}

function failure(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** What Node takes apart anew for each request, of which nearly all go to one address. */
const targets = new WeakMap<URL, ReturnType<typeof targetOf>>();

function targetOf(url: URL) {
  const { protocol, hostname, port, path, auth } = urlToHttpOptions(url);
  return { protocol, hostname, path, ...(port === undefined ? {} : { port }), ...(auth === undefined ? {} : { auth }) };
}

function open({ url, method, headers, body }: Hop, agent: Agent): ClientRequest {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const target = targets.get(url) ?? targetOf(url);
  targets.set(url, target);
  return request({
    ...target,
    method,
    agent,
    maxHeaderSize: maxHeaderBytes,
    headers: { ...headers, "accept-encoding": "identity", ...length },
  });
}

/**
 * A kept connection may have been closed by the other side, or dropped by a balancer in between, which shows only when it is used: the request was not
 * seen by anybody then, and is made once more on a connection of its own.
 */
async function exchanged(hop: Hop, agent: Agents, signal: AbortSignal): Promise<IncomingMessage> {
  const request = open(hop, agent.kept);
  try {
    return await responseTo(request, hop, signal);
  } catch (error) {
    if (!request.reusedSocket || signal.aborted) throw error;
    return responseTo(open(hop, agent.fresh), hop, signal);
  }
}

function responseTo(request: ClientRequest, { body }: Hop, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const close = (): void => void request.destroy();
    let hasResponse = false;
    signal.addEventListener("abort", close, { once: true });
    request.on("error", reject);
    request.on("response", (response) => {
      hasResponse = true;
      // A body without a length ends with its connection, in whatever way: Node tells a reset to the request only.
      // What follows a whole message spoils only the connection.
      request.on("error", (error) => void (response.complete || response.destroy(error)));
      resolve(response);
    });
    request.on("close", () => {
      signal.removeEventListener("abort", close);
      if (!hasResponse) reject(failure("the connection was closed", "ECONNRESET"));
    });
    request.end(body);
    if (signal.aborted) close();
  });
}

/** As fetch has it: 307 and 308 repeat the request, the others ask for the other address with GET. */
function redirectOf(
  { statusCode = 0, headers: { location } }: IncomingMessage,
  { url, headers, ...hop }: Hop,
): Hop | undefined {
  if (location === undefined || ![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
  if (next === undefined || !/^https?:$/.test(next.protocol)) throw failure("a redirect to nowhere", "BAD_REDIRECT");
  // What was sent under encryption is not sent again without.
  if (url.protocol === "https:" && next.protocol === "http:") throw failure("an insecure redirect", "BAD_REDIRECT");
  const kept = next.origin === url.origin ? headers : withoutCredentials(headers);
  if (statusCode === 307 || statusCode === 308) return { ...hop, url: next, headers: kept };
  return { url: next, method: "GET", headers: kept, body: undefined };
}

/** Headers that only the provider itself may see. */
function withoutCredentials(headers: RequestHeaders): RequestHeaders {
  const harmless = ["accept", "content-type", "user-agent"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.includes(name.toLowerCase())));
}

function replyOf(response: IncomingMessage, reading: ReturnType<ReturnType<typeof createHeldReadings>>): Reply {
  // It may fail before anybody reads it.
  const body = decoded(response).on("error", () => {});
  response.once("close", reading.release);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    hold: reading.hold,
    release() {
      reading.release();
      body
        .removeAllListeners("data")
        .on("error", () => {})
        .resume();
      if (response.closed) return;
      const timer = setTimeout(() => response.destroy(), lingerMs).unref();
      response.once("close", () => clearTimeout(timer));
    },
  };
}

/** A body that is cut off is read as far as it goes: what its end says, or lacks, decides. */
const flush = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const brotliFlush = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH };

/** We ask for no encoding, but there are servers and proxies between that do not listen. */
function decoded(response: IncomingMessage): Readable {
  const encodings = (response.headers["content-encoding"] ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  return encodings.toReversed().reduce<Readable>((body, name) => {
    const decoder = decoderOf(name);
    // The error goes on to the end of the line; but where it came from, a second one may follow when that is closed.
    return decoder === undefined
      ? body
      : pipeline(
          body.on("error", () => {}),
          decoder,
          () => {},
        );
  }, response);
}

function decoderOf(encoding: string) {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip(flush);
    case "deflate":
      return createAnyInflate();
    case "br":
      return createBrotliDecompress(brotliFlush);
    default:
      return undefined;
  }
}

/** `deflate` is zlib's format by the standard, and bare by the habit of some servers; the first byte tells. */
function createAnyInflate(): Transform {
  let inner: Transform | undefined;
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      inner ??= (((bytes[0] ?? 0) & 0x0f) === 0x08 ? createInflate(flush) : createInflateRaw(flush))
        .on("data", (decoded) => void this.push(decoded))
        .on("error", (error) => void this.destroy(error));
      inner.write(bytes, () => done());
    },
    flush(done) {
      if (inner === undefined) return done();
      inner.once("end", () => done()).end();
    },
    destroy(error, done) {
      inner?.destroy();
      done(error);
    },
  });
}
