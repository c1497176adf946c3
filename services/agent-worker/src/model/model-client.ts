import OpenAI from "openai";
import type { Logger } from "@parley/runtime";
import { createAnswerReader, type AnswerReader } from "./answer-reader.ts";
import { rejectedField, timedOut, toModelError } from "./model-error.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "./model.ts";
import type { OptionalField, Provider } from "./provider.ts";
import { providerFetch } from "./provider-fetch.ts";
import { createWatchdog, type Watchdog } from "./watchdog.ts";

/** After finish_reason the answer is whole. Waiting for usage and the end of the stream must not hold it up. */
const AFTER_FINISH_MS = 1_000;
/** The SDK's own timeout covers the headers only; ours covers everything and must be the one that fires. */
const SDK_TIMEOUT_MARGIN_MS = 60_000;

export type ModelClientOptions = {
  provider: Provider;
  /** Longest silence between two pieces of content. Keep-alives and empty deltas are silence. */
  idleMs: number;
  /** Longest wait for the first content, connection and headers included. */
  firstTokenMs: number;
  log: Logger;
};

type Body = OpenAI.ChatCompletionCreateParamsStreaming;

/**
 * A client of the provider's chat completions. It makes one attempt; `streamWithRetry` repeats. Errors are ChatErrors:
 * MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_TRUNCATED, CONTEXT_TOO_LARGE.
 */
export function createModelClient({ provider, idleMs, firstTokenMs, log }: ModelClientOptions): ModelClient {
  const open = createOpen(openSdk(provider, firstTokenMs + SDK_TIMEOUT_MARGIN_MS), provider, log);

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent, void, undefined> {
    signal.throwIfAborted();
    const attempt = new AbortController();
    const stop = (): void => attempt.abort();
    const watchdog = createWatchdog(stop);
    const reader = createAnswerReader(request.model ?? provider.model);
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

/** Opens streams; without a field that the server says it does not know, from then on for every request. */
function createOpen(openai: OpenAI, provider: Provider, log: Logger) {
  const supported = new Set<OptionalField>();
  if (provider.supports.streamOptions) supported.add("stream_options");
  if (provider.supports.parallelToolCalls) supported.add("parallel_tool_calls");

  return async (request: ModelRequest, signal: AbortSignal): Promise<AsyncIterable<unknown>> => {
    const sent = new Set(supported);
    const options = { signal, headers: { "x-client-request-id": request.requestId } };
    for (;;) {
      try {
        return await openai.chat.completions.create(bodyOf(request, provider, sent), options);
      } catch (error) {
        const field = rejectedField(error, sent);
        if (field === undefined) throw error;
        sent.delete(field);
        supported.delete(field);
        log.warn(
          { field, provider: provider.name },
          "the model server refuses an optional field; it is left out from now on",
        );
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

function bodyOf(request: ModelRequest, provider: Provider, fields: ReadonlySet<OptionalField>): Body {
  const { messages, tools, maxOutputTokens } = request;
  const hasTools = tools.length > 0;
  return {
    model: request.model ?? provider.model,
    messages,
    stream: true,
    ...(hasTools && { tools }),
    ...(maxOutputTokens !== undefined && { [provider.outputLimitField]: maxOutputTokens }),
    ...(fields.has("stream_options") && { stream_options: streamOptionsOf(provider) }),
    // OpenAI refuses the field when there are no tools.
    ...(hasTools && fields.has("parallel_tool_calls") && { parallel_tool_calls: true }),
  };
}

/** OpenAI pads chunks against observers of their length unless told otherwise; others may not know that field. */
function streamOptionsOf(provider: Provider): OpenAI.ChatCompletionStreamOptions {
  return provider.name === "openai" ? { include_usage: true, include_obfuscation: false } : { include_usage: true };
}
