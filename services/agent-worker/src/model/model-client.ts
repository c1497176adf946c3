import type { Logger } from "@parley/runtime";
import { createModelAbilities, type ModelAbilities } from "./abilities.ts";
import { createAnswerReader } from "./answer-reader.ts";
import { createAnswerStream, type Awaited } from "./answer-stream.ts";
import { createCleanWords } from "./clean-words.ts";
import type { ProxyFor } from "./http-agents.ts";
import { createHttpExchange, type HttpExchange, type Reply } from "./http-exchange.ts";
import { isHeldBack, refusalIn, timedOut, toProviderError, unreachable } from "./model-error.ts";
import type { ModelClient, ModelEvent, ModelRequest, OnEvents } from "./model.ts";
import type { ModelRule } from "./model-rules.ts";
import type { Provider } from "./provider.ts";
import { wordsOf } from "./provider-words.ts";
import { createWatchdog, type Expiry } from "./watchdog.ts";

/** An error has a few sentences; what sends more is something else. */
const maxErrorBytes = 64 * 1024;

/**
 * Silence at the end, of a server that neither says `[DONE]` nor closes. Viewers have all text meanwhile and wait for its end only, so it is long enough
 * for servers that send text some seconds after a finish_reason. After the usage none is known that does.
 */
const silenceMs = { end: 5_000, close: 2_000 } as const;
const awaitedWords = { content: "next content", end: "end of the stream", close: "close of the stream" } as const;

export type ModelClientOptions = {
  provider: Provider;
  /** What is known of its models. */
  rules?: readonly ModelRule[];
  /** Longest silence between two pieces of content. Keep-alives and empty deltas are silence. */
  idleMs: number;
  /** Longest wait for the first content, connection and headers included. */
  firstTokenMs: number;
  /** How long nothing need be read after text has come. Default 0: all is read as it comes. */
  holdMs?: () => number;
  log: Logger;
  /** Default: as the environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`). */
  proxyFor?: ProxyFor | undefined;
};

/**
 * A client of the provider's chat completions. It makes one attempt, in another form where the server refuses one; `streamWithRetry` repeats. Errors
 * are ChatErrors: MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_TRUNCATED, CONTEXT_TOO_LARGE.
 */
export function createModelClient(options: ModelClientOptions): ModelClient {
  const abilities = createModelAbilities(options);
  const attempts = createAttempts(options, abilities);
  return {
    async stream(request, signal, onEvents): Promise<void> {
      let hasTold = false;
      const tell: typeof onEvents = (events) => {
        hasTold = true;
        onEvents(events);
      };
      for (;;) {
        try {
          return await attempts.stream(request, signal, tell);
        } catch (error) {
          if (isHeldBack(error)) return onEvents([heldBack(request.model ?? options.provider.model)]);
          const refusal = hasTold || signal.aborted ? undefined : refusalIn(error);
          if (refusal === undefined || !abilities.learn(request, refusal)) throw error;
        }
      }
    },
  };
}

function heldBack(model: string): ModelEvent {
  return { type: "end", finish: "content_filter", model };
}

function createAttempts(options: ModelClientOptions, abilities: ModelAbilities): ModelClient {
  const { provider, idleMs, firstTokenMs, holdMs = () => 0, log, proxyFor } = options;
  const open = createOpen(provider, abilities, createHttpExchange(proxyFor));
  const { apiKey, name } = provider;
  const onSkipped = (parts: number): void =>
    log.warn({ parts, provider: name }, "parts of the model's stream could not be read and were passed over");

  return {
    async stream(request, signal, onEvents): Promise<void> {
      signal.throwIfAborted();
      const attempt = new AbortController();
      let expired: Expiry | undefined;
      let awaited = "first content";
      const onProgress = (next: Awaited): void => {
        if (awaitedWords[next] === awaited) return watchdog.seen();
        awaited = awaitedWords[next];
        abilities.answered(request);
        watchdog.start(awaited, next === "content" ? idleMs : Math.min(idleMs, silenceMs[next]));
      };
      const onTold = withNotes(() => abilities.leftOut(request), onEvents);
      const reader = createAnswerReader(request.model ?? provider.model, abilities.reading(request));
      const clean = createCleanWords(apiKey, request);
      const answer = createAnswerStream({ reader, clean, onEvents: onTold, onProgress, holdMs, onSkipped });
      const stop = (): void => {
        attempt.abort();
        answer.stop(attempt.signal.reason);
      };
      const watchdog = createWatchdog((expiry) => {
        if (answer.expire()) return;
        expired = expiry;
        stop();
      });
      signal.addEventListener("abort", stop, { once: true });
      try {
        watchdog.start(awaited, firstTokenMs);
        const reply = await Promise.race([open(request, attempt.signal), answer.result]);
        if (reply !== undefined) answer.read(reply);
        await answer.result;
        reply?.release();
      } catch (error) {
        attempt.abort();
        signal.throwIfAborted();
        throw expired === undefined ? error : timedOut(expired);
      } finally {
        watchdog.stop();
        signal.removeEventListener("abort", stop);
      }
      signal.throwIfAborted();
    },
  };
}

/** What is told first of an answer that came without tools or images. Not before there is an answer: it may be refused in that form, too. */
function withNotes(leftOut: () => ModelEvent[], onEvents: OnEvents): OnEvents {
  let isFirst = true;
  return (events) => {
    if (!isFirst) return onEvents(events);
    isFirst = false;
    const left = leftOut();
    onEvents(left.length > 0 ? [...left, ...events] : events);
  };
}

/** Opens streams. What the server refuses it gets in another form, as long as there is one. */
function createOpen(provider: Provider, { bodyOf, learn }: ModelAbilities, exchange: HttpExchange) {
  const url = completionsUrl(provider.baseURL);

  const post = async (request: ModelRequest, signal: AbortSignal): Promise<Reply> => {
    const message = { headers: headersOf(request, provider), body: JSON.stringify(bodyOf(request)) };
    try {
      return await exchange.post(url, message, signal);
    } catch (error) {
      throw unreachable(error);
    }
  };

  return async (request: ModelRequest, signal: AbortSignal): Promise<Reply> => {
    for (;;) {
      const reply = await post(request, signal);
      const { status, headers } = reply;
      if (status >= 200 && status < 300) return reply;
      const body = await readErrorBody(reply);
      if (!learn(request, { status, words: wordsOf(body).all })) {
        throw toProviderError({ status, headers, body }, createCleanWords(provider.apiKey, request));
      }
    }
  };
}

/** Azure and others have their version in the query. */
function completionsUrl(baseURL: string): URL {
  const url = new URL(baseURL);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/chat/completions`;
  return url;
}

function headersOf({ requestId }: ModelRequest, { apiKey, headers }: Provider): Record<string, string> {
  return {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "user-agent": "parley",
    authorization: `Bearer ${apiKey}`,
    ...headers,
    "x-client-request-id": requestId,
  };
}

/** The status says the most: words that do not come are not waited for. */
const errorBodyMs = 2_000;

/** Parsed, if it is JSON. What breaks off or never ends is taken as far as it goes. */
async function readErrorBody({ body, release }: Reply): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, errorBodyMs);
    body.on("data", (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > maxErrorBytes) resolve();
    });
    body.on("end", resolve).on("error", resolve).on("close", resolve);
    if (body.destroyed) resolve();
  });
  clearTimeout(timer);
  release();
  const text = Buffer.concat(parts).toString("utf8", 0, maxErrorBytes);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
