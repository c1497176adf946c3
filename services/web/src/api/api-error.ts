/** What went wrong without an answer of the server's. */
export type OwnCode = "OFFLINE" | "UNREACHABLE" | "TIMEOUT" | "UNREADABLE";

interface ApiErrorFields {
  /** One of the server's error table, or of our own. */
  readonly code: string;
  /** HTTP status; 0: there was no answer. */
  readonly status?: number;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A request that failed. Its message is the server's sentence for people, in English; `useErrorSentence` gives it in the person's language. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { code, status = 0, retryable = false, retryAfterMs, cause }: ApiErrorFields) {
    super(message, { cause });
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

const sentences: Record<OwnCode, string> = {
  OFFLINE: "You are offline.",
  UNREACHABLE: "The server cannot be reached.",
  TIMEOUT: "The server took too long to answer.",
  UNREADABLE: "The server answered something that this page does not understand.",
};

/** An error that is no word of the server's: trying again may help. */
export function ownError(code: OwnCode, cause?: unknown): ApiError {
  return new ApiError(sentences[code], { code, retryable: true, cause });
}

/** What an answer with a status above 299 says; proxies answer with pages of their own. */
export function answeredError(status: number, body: unknown): ApiError {
  const { error, code, retryable, retry_after_ms: wait } = fieldsOf(body);
  return new ApiError(typeof error === "string" ? error : `The server answered ${status}.`, {
    code: typeof code === "string" ? code : `HTTP_${status}`,
    status,
    retryable: typeof retryable === "boolean" ? retryable : status >= 500,
    retryAfterMs: typeof wait === "number" ? wait : undefined,
  });
}

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
