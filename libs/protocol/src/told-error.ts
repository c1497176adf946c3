import type { ErrorCode } from "./chat-error.ts";

/**
 * The only error that clients reject with: told by the server, or their own. Its message is one sentence for people. Without the table of codes, which would be a
 * large part of a client: whoever makes an error says all of it.
 */
export class ChatError extends Error {
  /** Also one that only a newer server knows: its sentence and `retryable` hold all the same. */
  readonly code: ErrorCode | (string & {});
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode | (string & {}), message: string, retryable = false, retryAfterMs?: number) {
    super(message);
    this.name = "ChatError";
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

/** As a frame or a record tells it. */
interface ToldError {
  readonly code: string;
  readonly error: string;
  readonly retryable: boolean;
  readonly retry_after_ms?: number | undefined;
}

export function chatErrorOf({ code, error, retryable, retry_after_ms }: ToldError): ChatError {
  return new ChatError(code, error, retryable, retry_after_ms);
}
