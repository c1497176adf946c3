import { closeCodes } from "./close-codes.ts";

export interface ErrorRow {
  /** Status of HTTP endpoints. */
  readonly status: number;
  /** WebSocket close code, when the socket cannot go on. */
  readonly close?: number;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** The sentence a person sees when the place that failed has no better one. */
  readonly sentence: string;
}

/** The one table of error codes. A code is never reused for another meaning. */
export const errorTable = {
  AUTH_REQUIRED: { status: 401, retryable: false, sentence: "Authentication is required." },
  AUTH_INVALID: {
    status: 401,
    close: closeCodes.badToken,
    retryable: false,
    sentence: "The token is not valid.",
  },
  AUTH_EXPIRED: {
    status: 401,
    close: closeCodes.tokenExpired,
    retryable: true,
    sentence: "The token has expired.",
  },
  AUTH_UNAVAILABLE: {
    status: 503,
    close: closeCodes.overloaded,
    retryable: true,
    sentence: "This token cannot be checked at the moment. Try again shortly.",
  },
  FORBIDDEN: {
    status: 403,
    retryable: false,
    sentence: "This conversation belongs to somebody else.",
  },
  BLOCKED: {
    status: 403,
    close: closeCodes.policy,
    retryable: false,
    sentence: "This is not accepted here.",
  },
  EMPTY_MESSAGE: { status: 400, retryable: false, sentence: "The message is empty." },
  INVALID_FRAME: { status: 400, retryable: false, sentence: "The request is not valid." },
  MESSAGE_TOO_LARGE: { status: 413, retryable: false, sentence: "The message is too large." },
  RATE_LIMITED: { status: 429, retryable: true, sentence: "Too many requests. Try again shortly." },
  QUOTA_EXCEEDED: { status: 429, retryable: false, sentence: "The quota is used up." },
  CONVERSATION_BUSY: {
    status: 409,
    retryable: true,
    sentence: "An answer is already running in this conversation.",
  },
  QUEUE_FULL: {
    status: 429,
    retryable: true,
    sentence: "Too many messages are waiting in this conversation.",
  },
  CONFLICT: { status: 409, retryable: false, sentence: "This contradicts what was accepted before." },
  APPROVAL_EXPIRED: { status: 410, retryable: false, sentence: "The time to decide was over." },
  NOT_FOUND: { status: 404, retryable: false, sentence: "There is no such thing here." },
  UNSUPPORTED: { status: 400, retryable: false, sentence: "This is not supported." },
  MODEL_UNAVAILABLE: {
    status: 502,
    retryable: true,
    sentence: "The language model cannot be reached.",
  },
  MODEL_TIMEOUT: {
    status: 504,
    retryable: true,
    sentence: "The language model stopped answering.",
  },
  MODEL_TRUNCATED: {
    status: 502,
    retryable: true,
    sentence: "The language model broke off its answer.",
  },
  CONTEXT_TOO_LARGE: {
    status: 413,
    retryable: false,
    sentence: "The conversation no longer fits the model.",
  },
  STEP_LIMIT: {
    status: 502,
    retryable: false,
    sentence: "The language model asked for more steps than an answer may have.",
  },
  TOOL_FAILED: { status: 502, retryable: true, sentence: "A tool failed." },
  TOOL_TIMEOUT: { status: 504, retryable: true, sentence: "A tool took too long." },
  WORKER_LOST: {
    status: 502,
    retryable: true,
    sentence: "The worker that was answering was lost several times.",
  },
  QUEUE_TIMEOUT: {
    status: 504,
    retryable: true,
    sentence: "The message waited too long for an answer to begin.",
  },
  OVERLOADED: {
    status: 503,
    close: closeCodes.overloaded,
    retryable: true,
    sentence: "The service is overloaded. Try again shortly.",
  },
  SHUTTING_DOWN: {
    status: 503,
    close: closeCodes.goingAway,
    retryable: true,
    sentence: "This server is shutting down. Reconnect.",
  },
  PROCESSING_ERROR: {
    status: 500,
    retryable: true,
    sentence: "The message could not be processed.",
  },
} as const satisfies Record<string, ErrorRow>;

/** Whether this version knows the code. */
export function isErrorCode(text: unknown): text is keyof typeof errorTable {
  return typeof text === "string" && Object.hasOwn(errorTable, text);
}

/** What the table says of a code, also of one that only a newer version knows. */
export function errorRowOf(code: string): Pick<ErrorRow, "sentence" | "retryable"> {
  return errorTable[isErrorCode(code) ? code : "PROCESSING_ERROR"];
}
