import { ChatError, type Usage } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import type { ModelClient, ModelEvent, ModelRequest, OnEvents } from "./model.ts";
import { isTransient } from "./model-error.ts";

const BACKOFF = { minMs: 500, maxMs: 8_000 } as const;
/** A provider that wants a longer pause gets none: a person is waiting, and the error tells them how long. */
const MAX_RETRY_AFTER_MS = 20_000;

/** What the answer brought so far is void: the answer begins again with the next event. */
export type RestartEvent = { type: "restart" };

/** `code`: of the error, or EMPTY for an answer without content. */
export type RetryNotice = { code: string; attempt: number; waitMs: number };

export type RetryOptions = {
  signal: AbortSignal;
  /** Requests in all, the first included. Default 3. */
  attempts?: number;
  /** How often an answer without text and calls is asked for again. Default 0. */
  emptyRetries?: number;
  /** Called for every repetition, silent or not, before its wait. For logs and metrics. */
  onRetry?: (notice: RetryNotice) => void;
  random?: () => number;
  /** Whether what has failed so may be repeated at all, at this moment. Default: always. */
  mayRepeat?: (error: ChatError) => boolean;
  /** What was told before this call is void too: a `restart` comes before its first words. */
  isVoid?: boolean;
  onEvents: OnEvents<ModelEvent | RestartEvent>;
};

/**
 * The policy of repetitions, the only one.
 *
 * - Only failures that may pass are repeated (`isTransient`): at most `attempts` requests, and `emptyRetries` beside them. What `onEvents` throws is no failure of the model.
 * - As long as nothing but reasoning was emitted, without a bound of its own.
 * - A failure after something was emitted is repeated once per answer, because the tokens are paid for again. A
 *   `restart` comes right before the first event of the new answer (also where the one before had only reasoned), so that what there is stays if no new one comes.
 * - An answer is never asked for again, but one that has nothing to show: `emptyRetries` times. What such ones used is part of the usage.
 * - The wait is drawn from 0 to 0.5 s, doubling to 8 s, on top of what the provider asked for. If it asked for more
 *   than 20 s, there is no repetition.
 *
 * Fails with the last ChatError, with what `onEvents` threw, or with the signal's reason.
 */
export async function streamWithRetry(
  client: ModelClient,
  request: ModelRequest,
  options: RetryOptions,
): Promise<void> {
  const { signal, attempts = 3, onRetry, mayRepeat = () => true } = options;
  const waitAfter = createWait(options);
  const answer = createEmission(options);
  for (let attempt = 1; ; attempt++) {
    answer.begin();
    try {
      await client.stream(requestOf(request, attempt), signal, answer.onEvents);
      if (!answer.isEmpty()) return;
      onRetry?.({ code: "EMPTY", attempt, waitMs: 0 });
    } catch (error) {
      if (answer.hasFailed()) throw error;
      signal.throwIfAborted();
      if (attempt >= attempts || !answer.mayBeginAnew() || !isRepeatable(error) || !mayRepeat(error)) throw error;
      await waitAfter(error, attempt);
    }
  }
}

/** Reasoning is shown, but is no part of the answer; and that there are no tools or images stays true. */
const withoutContent: ReadonlySet<ModelEvent["type"]> = new Set(["reasoning", "without_tools", "without_images"]);

/** What has been told of the answer, over all requests for it. */
function createEmission({ emptyRetries = 0, isVoid = false, onEvents }: RetryOptions) {
  let hasContent = false;
  let restarts = 0;
  let emitted = false;
  let hasFailed = false;
  let emptyLeft = emptyRetries;
  let isEmpty = false;
  let spent: Usage | undefined;

  const tell = (events: readonly (ModelEvent | RestartEvent)[]): void => {
    hasFailed = true;
    onEvents(events);
    hasFailed = false;
  };
  const restart = createRestart(isVoid, () => tell([{ type: "restart" }]));
  /** The end of an answer; undefined: it is asked for again. */
  const ended = (end: ModelEvent): ModelEvent | undefined => {
    if (end.type !== "end") return end;
    if (end.finish === "empty" && emptyLeft > 0) {
      emptyLeft--;
      isEmpty = true;
      spent = sum(spent, end.usage);
      return undefined;
    }
    const usage = end.usage && sum(spent, end.usage);
    return usage === undefined ? end : { ...end, usage };
  };

  return {
    begin(): void {
      emitted = false;
      isEmpty = false;
      restart.begin();
    },
    onEvents(events: readonly ModelEvent[]): void {
      const last = events.at(-1);
      const kept =
        last?.type === "end" ? [...events.slice(0, -1), ended(last)].filter((event) => event !== undefined) : events;
      if (kept.length === 0) return;
      const showsContent = kept.some(({ type }) => !withoutContent.has(type));
      if (showsContent || kept.some(({ type }) => type === "reasoning")) restart.speak();
      if (showsContent) {
        if (!emitted && hasContent) restarts++;
        emitted = true;
        hasContent = true;
      }
      tell(kept);
    },
    /** Whether the answer that is over is to be asked for again. */
    isEmpty: (): boolean => isEmpty,
    /** The error is the caller's. */
    hasFailed: (): boolean => hasFailed,
    mayBeginAnew: (): boolean => !emitted || restarts === 0,
  };
}

/** Tells before the first words of a request, once, that what the ones before it have said is void. */
function createRestart(wasVoid: boolean, tell: () => void) {
  let isVoid = wasVoid;
  let hasSpoken = false;
  return {
    begin(): void {
      isVoid ||= hasSpoken;
      hasSpoken = false;
    },
    speak(): void {
      if (isVoid) tell();
      isVoid = false;
      hasSpoken = true;
    },
  };
}

function sum(one: Usage | undefined, other: Usage | undefined): Usage | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const [input_tokens, output_tokens] = [
    one.input_tokens + other.input_tokens,
    one.output_tokens + other.output_tokens,
  ];
  const cached = (one.cached_tokens ?? 0) + (other.cached_tokens ?? 0);
  return { ...one, ...other, input_tokens, output_tokens, ...(cached > 0 && { cached_tokens: cached }) };
}

/** Waits before a repetition. An abort ends the wait; the next request then fails with the signal's reason. */
function createWait({ signal, onRetry, random = Math.random }: RetryOptions) {
  const backoff = createBackoff({ ...BACKOFF, random });
  return async (error: ChatError, attempt: number): Promise<void> => {
    const waitMs = (error.retryAfterMs ?? 0) + backoff.nextMs();
    onRetry?.({ code: error.code, attempt, waitMs });
    await sleep(waitMs, signal);
  };
}

function isRepeatable(error: unknown): error is ChatError {
  return error instanceof ChatError && isTransient(error) && (error.retryAfterMs ?? 0) <= MAX_RETRY_AFTER_MS;
}

/** Providers want a request id to be unique. */
function requestOf(request: ModelRequest, attempt: number): ModelRequest {
  return attempt === 1 ? request : { ...request, requestId: `${request.requestId}-r${attempt - 1}` };
}
