import { errorTable, isErrorCode, type ErrorRow } from "./error-table.ts";

/** Errors as callers see them. Without the schemas: browsers load this. */

export type ErrorCode = keyof typeof errorTable;

interface ChatErrorOptions {
  /** For people: one sentence, no internals. Default: the table's. */
  readonly message?: string;
  /** What really happened; for the log only. */
  readonly cause?: unknown;
  readonly retryAfterMs?: number;
  /** Default: the table's. Set for a code that came from elsewhere and is not in the table. */
  readonly retryable?: boolean;
  /** With which code a socket is closed for it. Default: the table's, if it has one. */
  readonly close?: number;
}

/** The only error that is shown to a caller. Its message is written for people. */
export class ChatError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly retryable: boolean;
  readonly close: number | undefined;

  constructor(code: ErrorCode, options: ChatErrorOptions = {}) {
    super(options.message ?? errorTable[code].sentence, { cause: options.cause });
    this.name = "ChatError";
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.retryable = options.retryable ?? errorTable[code].retryable;
    const row: ErrorRow = errorTable[code];
    this.close = options.close ?? row.close;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/** An error that came from elsewhere, as a frame or a record tells it. */
interface ToldError {
  readonly code: string;
  readonly error: string;
  readonly retryable: boolean;
  readonly retry_after_ms?: number | undefined;
}

/** The same as a `ChatError`. A code that only a newer version knows becomes PROCESSING_ERROR; its own sentence and `retryable` are kept. */
export function chatErrorOf({ code, error, retryable, retry_after_ms }: ToldError): ChatError {
  const retry = retry_after_ms === undefined ? {} : { retryAfterMs: retry_after_ms };
  return new ChatError(isErrorCode(code) ? code : "PROCESSING_ERROR", { message: error, retryable, ...retry });
}

/** The funnel from anything thrown to what a caller may see: a `ChatError` as it is, all else as PROCESSING_ERROR with the cause kept. */
export function toChatError(thrown: unknown): ChatError {
  return thrown instanceof ChatError ? thrown : new ChatError("PROCESSING_ERROR", { cause: thrown });
}
