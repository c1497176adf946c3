import { STATUS_CODES } from "node:http";
import { errorTable, type ErrorCode } from "@parley/protocol";
import type { HttpResponse } from "uWebSockets.js";

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
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

/** Must not be called after the request was aborted. */
export function send(response: HttpResponse, { status, headers = {}, body }: Reply): void {
  response.cork(() => {
    response.writeStatus(`${status} ${STATUS_CODES[status] ?? ""}`);
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    response.writeHeader("x-content-type-options", "nosniff");
    response.end(body);
  });
}

/** Reads a body up to `maxBytes`; undefined when it is larger. Never resolves when the request is aborted. */
export function readBody(response: HttpResponse, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    response.onData((chunk, isLast) => {
      sizeBytes += chunk.byteLength;
      // The chunk is only borrowed; what is too much is read and dropped, so that the sender gets to see the answer.
      if (sizeBytes <= maxBytes) chunks.push(Buffer.from(Buffer.from(chunk)));
      if (isLast) resolve(sizeBytes <= maxBytes ? Buffer.concat(chunks).toString("utf8") : undefined);
    });
  });
}
