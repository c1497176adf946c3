import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";
import { AddressError, guardedLookup, literalProblem } from "./addresses.ts";
import type { HttpRequest } from "./http-request.ts";

/** What a service answered. */
export interface HttpAnswer {
  readonly status: number;
  /** In small letters, without parameters; empty: it says nothing. */
  readonly contentType: string;
  readonly charset: string;
  readonly location: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly body: Buffer;
  /** There was more than is taken. */
  readonly isCut: boolean;
}

/** There is no answer. */
export class ExchangeError extends Error {
  /** Nothing of the request can have reached the service. */
  readonly isUnsent: boolean;

  constructor(message: string, { isUnsent, cause }: { readonly isUnsent: boolean; readonly cause?: unknown }) {
    super(message, { cause });
    this.name = "ExchangeError";
    this.isUnsent = isUnsent;
  }
}

export interface ExchangeOptions {
  readonly allowPrivate: boolean;
  /** Connections at once, to each of which one request at a time is sent. */
  readonly maxSockets: number;
  readonly maxBodyBytes: number;
}

export type Exchange = ReturnType<typeof createExchange>;

const MAX_RETRY_AFTER_S = 3_600;

/** Asks one service. Follows no redirect, accepts no compression, and takes no more of an answer than it keeps. */
export function createExchange({ allowPrivate, maxSockets, maxBodyBytes }: ExchangeOptions) {
  const lookup = guardedLookup(allowPrivate);
  const agents = {
    "http:": new http.Agent({ keepAlive: true, maxSockets }),
    "https:": new https.Agent({ keepAlive: true, maxSockets }),
  } as const;

  /** `isFresh`: on a connection of its own. One that was kept may end while a request is on its way, and then nobody knows whether that came. */
  function send({ method, url, headers, body }: HttpRequest, signal: AbortSignal, isFresh: boolean) {
    return new Promise<HttpAnswer>((resolve, reject) => {
      const problem = literalProblem(url, allowPrivate);
      if (problem !== undefined) throw new ExchangeError(problem, { isUnsent: true });
      const isSecure = url.protocol === "https:";
      const agent = isFresh ? false : agents[isSecure ? "https:" : "http:"];
      const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
      const all = { ...headers, "accept-encoding": "identity", ...length };
      const request = (isSecure ? https : http).request(url, { method, headers: all, agent, lookup, signal });
      let isUnsent = true;
      request.once("socket", (socket) => {
        if (!socket.connecting) isUnsent = false;
        socket.once(isSecure ? "secureConnect" : "connect", () => (isUnsent = false));
      });
      request.on("error", (cause) => reject(failureOf(cause, isUnsent)));
      request.on("response", (response) => {
        read(response, maxBodyBytes).then(resolve, (cause: unknown) => reject(failureOf(cause, false)));
      });
      // Nothing is awaited that could be written before the connection is there.
      request.end(body);
    });
  }

  return {
    send,
    close(): void {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

function failureOf(cause: unknown, isUnsent: boolean): ExchangeError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const words = cause instanceof AddressError ? cause.message : (reasons[code] ?? "the connection was broken off");
  return new ExchangeError(words, { isUnsent, cause });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody answers there",
  ENOTFOUND: "its name is unknown",
  EAI_AGAIN: "its name cannot be looked up now",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
  ETIMEDOUT: "it does not answer",
  HPE_HEADER_OVERFLOW: "its answer has too many headers",
  CERT_HAS_EXPIRED: "its certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by nobody we know",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by nobody we know",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by nobody we know",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};

async function read(response: IncomingMessage, maxBytes: number): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    bytes += chunk.length;
    // Ends the loop, and with it the connection.
    if (bytes > maxBytes) break;
  }
  const { statusCode: status = 0, headers } = response;
  const location = headers.location;
  return {
    status,
    location,
    ...said(headers),
    body: Buffer.concat(chunks).subarray(0, maxBytes),
    isCut: bytes > maxBytes,
  };
}

const CONTENT_TYPE = /^\s*([^\s;,]+)(?:.*;\s*charset="?([\w.:-]+))?/i;

function said(headers: IncomingHttpHeaders): Pick<HttpAnswer, "contentType" | "charset" | "retryAfterMs"> {
  const [, type = "", charset = ""] = CONTENT_TYPE.exec(headers["content-type"] ?? "") ?? [];
  // Nobody asked for that; it is no text that we can read.
  const isEncoded = !/^(?:identity)?$/i.test(headers["content-encoding"] ?? "");
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return {
    contentType: isEncoded ? "compressed" : type.toLowerCase(),
    charset,
    retryAfterMs: seconds >= 0 && seconds <= MAX_RETRY_AFTER_S ? seconds * 1_000 : undefined,
  };
}
