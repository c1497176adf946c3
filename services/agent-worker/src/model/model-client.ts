import OpenAI from "openai";
import type { Logger } from "@parley/runtime";
import { createModelAbilities, type ModelAbilities } from "./abilities.ts";
import { createAnswerReader, type AnswerReader } from "./answer-reader.ts";
import { refusalOf, timedOut, toModelError } from "./model-error.ts";
import type { ModelRule } from "./model-rules.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "./model.ts";
import type { Provider } from "./provider.ts";
import { providerFetch } from "./provider-fetch.ts";
import { createWatchdog, type Watchdog } from "./watchdog.ts";

/** After finish_reason the answer is whole. Waiting for usage and the end of the stream must not hold it up. */
const AFTER_FINISH_MS = 1_000;
/** The SDK's own timeout covers the headers only; ours covers everything and must be the one that fires. */
const SDK_TIMEOUT_MARGIN_MS = 60_000;

export type ModelClientOptions = {
  provider: Provider;
  /** What is known of its models. */
  rules?: readonly ModelRule[];
  /** Longest silence between two pieces of content. Keep-alives and empty deltas are silence. */
  idleMs: number;
  /** Longest wait for the first content, connection and headers included. */
  firstTokenMs: number;
  log: Logger;
};

/**
 * A client of the provider's chat completions. It makes one attempt; `streamWithRetry` repeats. Errors are ChatErrors:
 * MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_TRUNCATED, CONTEXT_TOO_LARGE.
 */
export function createModelClient(options: ModelClientOptions): ModelClient {
  const { provider, rules = [], idleMs, firstTokenMs, log } = options;
  const abilities = createModelAbilities({ provider, rules, log });
  const open = createOpen(openSdk(provider, firstTokenMs + SDK_TIMEOUT_MARGIN_MS), abilities);

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent, void, undefined> {
    signal.throwIfAborted();
    const attempt = new AbortController();
    const stop = (): void => attempt.abort();
    const watchdog = createWatchdog(stop);
    const reader = createAnswerReader(request.model ?? provider.model, abilities.reading(request));
    signal.addEventListener("abort", stop, { once: true });
    try {
      watchdog.arm(firstTokenMs, "first content");
      yield* readChunks(await open(request, attempt.signal), { reader, watchdog, idleMs, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!reader.isFinished() && watchdog.expired() === undefined) throw toModelError(error, provider.apiKey);
    } finally {
      watchdog.disarm();
      signal.removeEventListener("abort", stop);
      attempt.abort();
    }
    // The SDK ends an aborted stream as if it were complete.
    signal.throwIfAborted();
    const expired = watchdog.expired();
    if (expired !== undefined && !reader.isFinished()) throw timedOut(expired);
    yield* reader.end("closed");
  }

  return { stream };
}

type Reading = { reader: AnswerReader; watchdog: Watchdog; idleMs: number; signal: AbortSignal };

async function* readChunks(
  chunks: AsyncIterable<unknown>,
  { reader, watchdog, idleMs, signal }: Reading,
): AsyncGenerator<ModelEvent, void, undefined> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    const wasFinished = reader.isFinished();
    const { events, progressed } = reader.read(chunk);
    const restartsClock = !wasFinished && (progressed || reader.isFinished());
    // The caller's own time with an event is not the provider's silence.
    if (restartsClock) watchdog.disarm();
    yield* events;
    if (!restartsClock) continue;
    if (reader.isFinished()) watchdog.arm(AFTER_FINISH_MS, "end of the stream");
    else watchdog.arm(idleMs, "next content");
  }
}

/** Opens streams. What the server refuses it gets in another form, as long as there is one. */
function createOpen(openai: OpenAI, { bodyOf, learn }: ModelAbilities) {
  return async (request: ModelRequest, signal: AbortSignal): Promise<AsyncIterable<unknown>> => {
    const options = { signal, headers: { "x-client-request-id": request.requestId } };
    for (;;) {
      try {
        return await openai.chat.completions.create(bodyOf(request), options);
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal === undefined || !learn(request, refusal)) throw error;
      }
    }
  };
}

function openSdk(provider: Provider, timeoutMs: number): OpenAI {
  return new OpenAI({
    apiKey: provider.apiKey,
    baseURL: provider.baseURL,
    defaultHeaders: { ...provider.headers },
    fetch: providerFetch,
    maxRetries: 0,
    timeout: timeoutMs,
    // It would log chunks it cannot parse, and so conversations.
    logLevel: "off",
    // Left out, these would come from the environment.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
  });
}
