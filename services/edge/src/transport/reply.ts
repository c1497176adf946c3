import { STATUS_CODES } from "node:http";
import { errorTable, type ChatError, type ErrorCode } from "@parley/protocol";
import type { HttpResponse } from "uWebSockets.js";

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The values of `set-cookie`. */
  readonly cookies?: readonly string[];
  readonly body: string | Uint8Array;
}

export function jsonReply(status: number, value: object, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
    body: JSON.stringify(value),
  };
}

/** The answer of every endpoint to what goes wrong. */
export function errorReply(
  code: ErrorCode,
  message: string = errorTable[code].sentence,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const { status, retryable } = errorTable[code];
  return jsonReply(status, { error: message, code, retryable }, headers);
}

/** Where an error happened, as far as that is known: with it the answer can be fetched later. */
export interface Whereabouts {
  readonly conversation_id?: string;
  readonly turn_id?: string;
}

/** As `errorReply`, of an error as it was thrown. `status` overrides the one of the table. */
export function chatErrorReply(error: ChatError, where: Whereabouts = {}, status = error.status): Reply {
  const { message, code, retryable, retryAfterMs } = error;
  const retry = retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  const wait = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return jsonReply(status, { error: message, code, retryable, ...wait, ...where }, retry);
}

/** `isHead`: the answer to a HEAD request, which says how long the body is and has none. Must not be called after the request was aborted. */
export function send(
  response: HttpResponse,
  { status, headers = {}, cookies = [], body }: Reply,
  isHead = false,
): void {
  response.cork(() => {
    writeHead(response, status, headers);
    for (const cookie of cookies) response.writeHeader("set-cookie", cookie);
    if (status === 204 || status === 304) response.endWithoutBody();
    else if (isHead) {
      // Told the length itself, the library would wait for the bytes, and refuse the next request of the connection.
      response.writeHeader("content-length", String(Buffer.byteLength(body)));
      response.endWithoutBody();
    } else response.end(body);
  });
}

/** Status and headers, with those that every answer has. */
export function writeHead(response: HttpResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? ""}`);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  response.writeHeader("x-content-type-options", "nosniff");
  if (headers["content-security-policy"] === undefined) {
    // What is no page of ours must not become one in somebody's frame.
    response.writeHeader("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  }
}
