import { APIConnectionError, APIError } from "openai";
import { ChatError, type ErrorCode } from "@parley/protocol";
import type { Refusal } from "./refusal.ts";
import type { Expiry } from "./watchdog.ts";

/** A provider's own words in our log: enough to mend a configuration, too little to copy a conversation into it. */
const MAX_DETAIL_CHARS = 300;

/** What really went wrong at the provider: the cause of a ChatError, for the log. It holds no key and no conversation. */
class ProviderFault extends Error {
  /** The same request would fail again, whatever the table says about the code. */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean) {
    super(message);
    this.name = "ProviderFault";
    this.permanent = permanent;
  }
}

/** Whether the same request may succeed later. More exact than `ChatError.retryable`, which knows the code only. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ChatError) || !error.retryable) return false;
  return !(error.cause instanceof ProviderFault && error.cause.permanent);
}

/** The stream ended, but the answer did not. */
export function truncated(why: string, { permanent = false } = {}): ChatError {
  return new ChatError("MODEL_TRUNCATED", { cause: new ProviderFault(why, permanent) });
}

/** The provider reported, in the middle of its answer, that it cannot go on. */
export function reportedError(why: string): ChatError {
  const cause = new ProviderFault(why, false);
  return new ChatError("MODEL_UNAVAILABLE", { message: "The language model reported an error.", cause });
}

/** Content did not come in time. */
export function timedOut({ ms, what }: Expiry): ChatError {
  return new ChatError("MODEL_TIMEOUT", { cause: new ProviderFault(`no ${what} within ${ms} ms`, false) });
}

/** The funnel from whatever the SDK throws. `apiKey` is struck from the provider's words. */
export function toModelError(thrown: unknown, apiKey: string): ChatError {
  if (thrown instanceof ChatError) return thrown;
  if (thrown instanceof APIConnectionError) return unreachable(thrown);
  if (isApiError(thrown)) return refused(thrown, apiKey);
  // The response had begun: a reset ("terminated"), or a chunk that is no JSON. Its message can quote the conversation.
  return truncated(`the stream broke: ${nameAndCode(thrown)}`);
}

/** `instanceof` alone makes its fields `any`. */
function isApiError(thrown: unknown): thrown is APIError {
  return thrown instanceof APIError;
}

function unreachable(error: APIConnectionError): ChatError {
  return new ChatError("MODEL_UNAVAILABLE", {
    cause: new ProviderFault(`no connection: ${nameAndCode(error.cause ?? error)}`, false),
  });
}

function nameAndCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown;
  const inner = thrown.cause instanceof Error ? thrown.cause : thrown;
  return "code" in inner && typeof inner.code === "string" ? `${thrown.name} (${inner.code})` : thrown.name;
}

type Verdict = { code: ErrorCode; permanent: boolean; message?: string };

function refused(error: APIError, apiKey: string): ChatError {
  const status = statusOf(error);
  const verdict = isContextTooLarge(error, status) ? contextTooLarge : judge(error, status);
  const retryAfterMs = verdict.permanent ? undefined : retryAfterMsOf(error.headers);
  return new ChatError(verdict.code, {
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause: new ProviderFault(describe(error, status, apiKey), verdict.permanent),
  });
}

/** An error inside a stream (HTTP 200) has no status; OpenRouter gives it as the code. */
function statusOf(error: APIError): number | undefined {
  const status: unknown = error.status ?? error.code;
  return typeof status === "number" ? status : undefined;
}

const contextTooLarge: Verdict = { code: "CONTEXT_TOO_LARGE", permanent: true };

/** Providers' words for it: OpenAI, vLLM, OpenRouter and Mistral; llama.cpp; Anthropic; Gemini; Groq. */
const contextWords =
  /context_length_exceeded|maximum context length|exceeds? the (?:available |model'?s )?context|context (?:size|window) (?:is |was )?exceeded|prompt is too long|input token count .*exceeds|reduce the length of the messages/i;

function isContextTooLarge(error: APIError, status: number | undefined): boolean {
  if (status === 413) return true;
  if (status !== undefined && status !== 400 && status !== 422) return false;
  return error.code === "context_length_exceeded" || contextWords.test(error.message);
}

const noCredentials: Verdict = verdict("The language model refused the credentials.", true);
const noCredit: Verdict = verdict("The account at the language model's provider has no credit left.", true);
const refusal: Verdict = verdict("The language model refused the request.", true);

const verdicts: Readonly<Record<number, Verdict>> = {
  401: noCredentials,
  402: noCredit,
  403: noCredentials,
  404: verdict("The provider does not know this language model.", true),
  408: { code: "MODEL_UNAVAILABLE", permanent: false },
  409: { code: "MODEL_UNAVAILABLE", permanent: false },
  429: verdict("The language model has too many requests at the moment.", false),
};

function verdict(message: string, permanent: boolean): Verdict {
  return { code: "MODEL_UNAVAILABLE", permanent, message };
}

function judge(error: APIError, status: number | undefined): Verdict {
  if (error.code === "insufficient_quota") return noCredit;
  if (status === undefined) return verdict("The language model reported an error.", false);
  if (error.headers?.get("x-should-retry") === "false") return refusal;
  if (status >= 500) return { code: "MODEL_UNAVAILABLE", permanent: false };
  return verdicts[status] ?? refusal;
}

function describe(error: APIError, status: number | undefined, apiKey: string): string {
  const known = [error.code && `code ${error.code}`, error.requestID && `request ${error.requestID}`].filter(Boolean);
  const head = `the provider answered ${status ?? "with an error event"}${known.length > 0 ? ` (${known.join(", ")})` : ""}`;
  // Answers about credentials repeat parts of the key.
  if (status === 401 || status === 402 || status === 403) return head;
  const words = error.message.replaceAll(apiKey, "[key]").replaceAll(/\s+/g, " ");
  return `${head}: ${words.slice(0, MAX_DETAIL_CHARS)}`;
}

/** `retry-after-ms`, else `retry-after` as seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMsOf(headers: Headers | undefined): number | undefined {
  const ms = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(ms)) return Math.max(0, ms);
  const text = headers?.get("retry-after") ?? "";
  if (text === "") return undefined;
  const waitMs = Number.isFinite(Number(text)) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(waitMs) ? Math.max(0, Math.round(waitMs)) : undefined;
}

/** What the server said to a request that it did not take; undefined: it was not that. */
export function refusalOf(thrown: unknown): Refusal | undefined {
  if (!isApiError(thrown) || thrown.status === undefined) return undefined;
  return { status: thrown.status, words: [thrown.message, thrown.param, thrown.code].filter(Boolean).join(" ") };
}
