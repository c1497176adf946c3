import { ChatError, type ErrorCode } from "@parley/protocol";
import { z } from "zod";

/** Errors as clients of OpenAI's API read them: `{error: {message, type, param, code}}`, as a body or as one line of a stream. */

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  /** The field of the request that is at fault, as a path (`messages[0].content`). */
  readonly param: string | null;
  readonly code: string;
}

export interface OpenAiErrorBody {
  readonly error: OpenAiError;
}

/** The cause of an error of which the field is known. */
export class ParamFault extends Error {
  readonly param: string;

  constructor(param: string) {
    super(`at fault: ${param}`);
    this.name = "ParamFault";
    this.param = param;
  }
}

/** The cause of an error for which Parley's own code says too little. */
class CodeFault extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = "CodeFault";
    this.code = code;
  }
}

/**
 * A stopped answer is not whole, and no word that the protocols have for an end says so. Whoever asks again with the same id gets the same end: a client must not
 * do that by itself.
 */
export function stoppedError(): ChatError {
  const message = "The answer was stopped before it was complete.";
  return new ChatError("CONFLICT", { message, retryable: false, cause: new CodeFault("cancelled") });
}

/** A field that cannot be taken as it is; `param` is empty for the request itself. `code`: UNSUPPORTED for what Parley has not, INVALID_FRAME for what is wrong anywhere. */
export function paramError(
  param: string,
  message: string,
  code: "UNSUPPORTED" | "INVALID_FRAME" | "MESSAGE_TOO_LARGE" | "NOT_FOUND" = "INVALID_FRAME",
): ChatError {
  return new ChatError(code, { message, cause: new ParamFault(param) });
}

/** Codes for which OpenAI has a word that its clients look for; the others are Parley's own in small letters. */
const codes: Partial<Record<ErrorCode, string>> = {
  AUTH_INVALID: "invalid_api_key",
  CONTEXT_TOO_LARGE: "context_length_exceeded",
  INVALID_FRAME: "invalid_request",
  QUOTA_EXCEEDED: "insufficient_quota",
  RATE_LIMITED: "rate_limit_exceeded",
  PROCESSING_ERROR: "server_error",
};

/** Also of an error that is told in mid-stream, where there is no status any more. */
export function openAiErrorOf(error: ChatError): OpenAiErrorBody {
  const { message, code, cause } = error;
  const param = paramOf(cause);
  const word = cause instanceof CodeFault ? cause.code : codeOf(code, param);
  return { error: { message, type: typeOf(error), param, code: word } };
}

function codeOf(code: ErrorCode, param: string | null): string {
  if (code === "NOT_FOUND" && param === "model") return "model_not_found";
  if (code === "NOT_FOUND" && param === "previous_response_id") return "previous_response_not_found";
  return codes[code] ?? code.toLowerCase();
}

function paramOf(cause: unknown): string | null {
  if (cause instanceof ParamFault) return cause.param === "" ? null : cause.param;
  const param = cause instanceof z.ZodError ? paramOfPath(cause.issues[0]?.path ?? []) : "";
  return param === "" ? null : param;
}

/** As OpenAI writes the path of a field: `messages[0].content`. */
export function paramOfPath(path: readonly PropertyKey[]): string {
  const param = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return param.replace(/^\./, "");
}

function typeOf({ status, code }: ChatError): string {
  if (code === "QUOTA_EXCEEDED") return "insufficient_quota";
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/**
 * Headers beside such a body. The SDK sends again what failed with 408, 409, 429 and 5xx, unless `x-should-retry` says otherwise, and waits for
 * `retry-after-ms` (openai-node, `client.ts`).
 */
export function openAiErrorHeaders(
  { retryAfterMs, retryable }: ChatError,
  mayRetry: boolean = retryable,
): Readonly<Record<string, string>> {
  const wait =
    retryAfterMs === undefined
      ? {}
      : { "retry-after-ms": String(retryAfterMs), "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  return { "x-should-retry": String(mayRetry), ...wait };
}
