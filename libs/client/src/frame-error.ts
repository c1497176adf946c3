import { ChatError, type FrameError } from "@parley/protocol";

/** An error frame as the error that the caller's promise rejects with. */
export function chatErrorOf({ code, error, retry_after_ms }: FrameError): ChatError {
  return new ChatError(code, {
    message: error,
    ...(retry_after_ms === undefined ? {} : { retryAfterMs: retry_after_ms }),
  });
}
