import { ChatError } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import type { ModelClient, ModelEvent, ModelRequest } from "./model.ts";
import { isTransient } from "./model-error.ts";

const BACKOFF = { minMs: 500, maxMs: 8_000 } as const;
/** A provider that wants a longer pause gets none: a person is waiting, and the error tells them how long. */
const MAX_RETRY_AFTER_MS = 20_000;

/** What the answer brought so far is void: the answer begins again with the next event. */
export type RestartEvent = { type: "restart" };

export type RetryNotice = { error: ChatError; attempt: number; waitMs: number };

export type RetryOptions = {
  signal: AbortSignal;
  /** Requests in all, the first included. Default 3. */
  attempts?: number;
  /** Called for every repetition, silent or not, before its wait. For logs and metrics. */
  onRetry?: (notice: RetryNotice) => void;
  random?: () => number;
};

/**
 * The policy of repetitions, the only one: the SDK makes none.
 *
 * - Only failures that may pass are repeated (`isTransient`), at most `attempts` requests in all.
 * - As long as nothing was emitted, silently.
 * - A failure after something was emitted is repeated once per answer, because the tokens are paid for again. A
 *   `restart` comes right before the first event of the new answer, so that what there is stays if no new one comes.
 * - The wait is drawn from 0 to 0.5 s, doubling to 8 s, on top of what the provider asked for. If it asked for more
 *   than 20 s, there is no repetition.
 *
 * Fails with the last ChatError, or with the signal's reason.
 */
export async function* streamWithRetry(
  client: ModelClient,
  request: ModelRequest,
  options: RetryOptions,
): AsyncGenerator<ModelEvent | RestartEvent, void, undefined> {
  const { signal, attempts = 3 } = options;
  const waitAfter = createWait(options);
  let hasContent = false;
  let restarted = false;
  for (let attempt = 1; ; attempt++) {
    let emitted = false;
    try {
      for await (const event of client.stream(requestOf(request, attempt), signal)) {
        if (!emitted && hasContent) {
          restarted = true;
          yield { type: "restart" };
        }
        emitted = true;
        hasContent = true;
        yield event;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= attempts || (emitted && restarted) || !mayRepeat(error)) throw error;
      await waitAfter(error, attempt);
    }
  }
}

/** Waits before a repetition. An abort ends the wait; the next request then fails with the signal's reason. */
function createWait({ signal, onRetry, random = Math.random }: RetryOptions) {
  const backoff = createBackoff({ ...BACKOFF, random });
  return async (error: ChatError, attempt: number): Promise<void> => {
    const waitMs = (error.retryAfterMs ?? 0) + backoff.nextMs();
    onRetry?.({ error, attempt, waitMs });
    await sleep(waitMs, signal);
  };
}

function mayRepeat(error: unknown): error is ChatError {
  return error instanceof ChatError && isTransient(error) && (error.retryAfterMs ?? 0) <= MAX_RETRY_AFTER_MS;
}

/** Providers want a request id to be unique. */
function requestOf(request: ModelRequest, attempt: number): ModelRequest {
  return attempt === 1 ? request : { ...request, requestId: `${request.requestId}-r${attempt - 1}` };
}
