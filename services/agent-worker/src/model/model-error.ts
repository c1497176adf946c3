import type { IncomingHttpHeaders } from "node:http";
import { ChatError, type ErrorCode } from "@parley/protocol";
import type { CleanWords } from "./clean-words.ts";
import { isFilterWords } from "./filter-words.ts";
import { wordsOf, type ProviderWords } from "./provider-words.ts";
import type { Refusal } from "./refusal.ts";
import type { Expiry } from "./watchdog.ts";

interface FaultKind {
  readonly refusal?: Refusal | undefined;
  readonly isHeldBack?: boolean;
}

/** What really went wrong at the provider: the cause of a ChatError, for the log. It holds no key and no conversation. */
class ProviderFault extends Error {
  /** The same request would fail again, whatever the table says about the code. */
  readonly permanent: boolean;
  /** Said in a response with status 200. */
  readonly refusal: Refusal | undefined;
  /** The provider's filter has held the answer back. */
  readonly isHeldBack: boolean;

  constructor(message: string, permanent: boolean, { refusal, isHeldBack = false }: FaultKind = {}) {
    super(message);
    this.name = "ProviderFault";
    this.permanent = permanent;
    this.refusal = refusal;
    this.isHeldBack = isHeldBack;
  }
}

/** What a response with status 200 said in place of an answer: it may teach as much as one with another status. */
export function refusalIn(error: unknown): Refusal | undefined {
  return error instanceof ChatError && error.cause instanceof ProviderFault ? error.cause.refusal : undefined;
}

/** Whether the error is how the provider says that its filter has held the answer back: an end of an answer, as `finish_reason` says it elsewhere. */
export function isHeldBack(error: unknown): boolean {
  return error instanceof ChatError && error.cause instanceof ProviderFault && error.cause.isHeldBack;
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

/** It was not even asked: more is open at its server than somebody has allowed. Another attempt would only wait again; another model may be asked. */
export function tooManyRequests(retryAfterMs: number): ChatError {
  const message = "The language model has too many requests at the moment.";
  const cause = new ProviderFault("no place for another request to its server", true);
  return new ChatError("MODEL_UNAVAILABLE", { message, retryAfterMs, cause });
}

/** Whether it is the model's server that has failed, and not whoever reads its answer. */
export function isOfProvider(error: unknown): error is ChatError {
  return error instanceof ChatError && error.cause instanceof ProviderFault;
}

/** The connection failed before there was a response. */
export function unreachable(thrown: unknown): ChatError {
  return new ChatError("MODEL_UNAVAILABLE", {
    cause: new ProviderFault(`no connection: ${nameAndCode(thrown)}`, false),
  });
}

/** The connection failed in mid-answer. */
export function brokenOff(thrown: unknown): ChatError {
  return truncated(`the stream broke: ${nameAndCode(thrown)}`);
}

/** A response that is none of a language model: a page, or nothing at all. Another attempt would mostly get the same. */
export function noAnswer(what: string, { permanent = true } = {}): ChatError {
  const message = "The language model's server does not answer as one.";
  return new ChatError("MODEL_UNAVAILABLE", { message, cause: new ProviderFault(what, permanent) });
}

/** Messages of errors can quote what was sent, addresses of proxies their passwords. */
function nameAndCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown;
  const inner = thrown.cause instanceof Error ? thrown.cause : thrown;
  return "code" in inner && typeof inner.code === "string" ? `${thrown.name} (${inner.code})` : thrown.name;
}

type Verdict = { code: ErrorCode; permanent: boolean; message?: string };

/** An error as the provider told it. */
export interface ToldError {
  /** Of the response; undefined: it was 200, and the error came inside of it. */
  readonly status?: number | undefined;
  readonly headers?: IncomingHttpHeaders | undefined;
  /** Parsed, if it was JSON; else its text. */
  readonly body: unknown;
  /** Nothing but the error came, in place of an answer: unless it says that it will pass, it will not. */
  readonly isWhole?: boolean | undefined;
}

/** The funnel from whatever a provider reports. `clean` strikes from its words what is not for a log. */
export function toProviderError(
  { status: told, headers, body, isWhole = false }: ToldError,
  clean: CleanWords,
): ChatError {
  const words = wordsOf(body);
  const status = told ?? words.status;
  const isFiltered = isFilterWords(words, status);
  const verdict = isContextTooLarge(words, status) ? contextTooLarge : judge(words, { status, headers, isWhole });
  const inside = told === undefined ? { status: status ?? 400, words: words.all } : undefined;
  const retryAfterMs = verdict.permanent ? undefined : retryAfterMsOf(headers);
  return new ChatError(verdict.code, {
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause: new ProviderFault(describe(words, { status, headers }, clean), verdict.permanent, {
      refusal: inside,
      isHeldBack: isFiltered,
    }),
  });
}

const contextTooLarge: Verdict = { code: "CONTEXT_TOO_LARGE", permanent: true };

/** Providers' words for it. That the limit of the output or a tool is too large is said in others. */
const contextWords = new RegExp(
  [
    // OpenAI, vLLM, OpenRouter, Mistral; llama.cpp; Anthropic; Gemini; Groq.
    "context_length_exceeded",
    "maximum context length",
    "exceeds? the (?:available |model'?s )?context",
    "context (?:size|window) (?:is |was )?exceeded",
    "prompt is too long",
    "input token count .*exceeds",
    "reduce the length of the messages",
    // TGI; xAI; Bedrock; GLM; Kimi; MiniMax; Cohere; LM Studio; DashScope.
    "`?inputs`? tokens \\+ `?max_new_tokens`? must be",
    "maximum prompt length is",
    "input is too long for (?:the |this )?(?:requested )?model",
    "prompt exceeds (?:the )?max(?:imum)? (?:input |context )?length",
    "exceed(?:s|ed) (?:the )?model(?:'s)? token limit",
    "context (?:window|length|size) exceeds (?:the )?limit",
    "number of tokens in the prompt cannot exceed",
    "(?:when|the) context (?:the )?overflows|model is loaded with context length",
    "range of input length should be",
    // vLLM, SGLang, ExLlama; TensorRT-LLM, Volcengine, Novita, Bedrock, Anthropic, Ollama; TGI; DeepInfra; LiteLLM; Hugging Face; Baidu; Zhipu.
    "(?:input|prompt)\\b[^.]{0,60} (?:longer|greater|larger) than [^.]{0,40}(?:context|max|model)",
    "(?:input|prompt)\\b[^.]{0,40} exceed(?:s|ed)? [^.]{0,40}(?:max|context|limit)",
    "`?inputs`? must have less than",
    "inputs? token limit exceeded",
    "contextwindowexceeded",
    "^input is too long",
    "max length of current question",
    "(?:prompt|输入).{0,10}(?:超长|过长)",
  ].join("|"),
  "i",
);

function isContextTooLarge({ words, name }: ProviderWords, status: number | undefined): boolean {
  if (status === 413) return true;
  // Older llama.cpp: 500.
  if (status !== undefined && status !== 400 && status !== 422 && status !== 500) return false;
  return name === "context_length_exceeded" || contextWords.test(words);
}

const noCredentials: Verdict = verdict("The language model refused the credentials.", true);
const noCredit: Verdict = verdict("The account at the language model's provider has no credit left.", true);
const refusal: Verdict = verdict("The language model refused the request.", true);

const malformed: Verdict = verdict("The language model wrote what its server cannot read.", false);

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

/** Groq's names for what the model wrote and the server could not read: the model may do better the next time. */
const modelMistakes: ReadonlySet<string | undefined> = new Set(["tool_use_failed", "output_parse_failed"]);

type Circumstances = Pick<ToldError, "status" | "headers" | "isWhole">;

function judge({ name }: ProviderWords, { status, headers, isWhole = false }: Circumstances): Verdict {
  if (name === "insufficient_quota") return noCredit;
  if (modelMistakes.has(name)) return malformed;
  if (status === undefined) return verdict("The language model reported an error.", isWhole);
  if (headers?.["x-should-retry"] === "false") return refusal;
  if (status >= 500) return { code: "MODEL_UNAVAILABLE", permanent: false };
  return verdicts[status] ?? refusal;
}

function describe({ words, name }: ProviderWords, { status, headers }: Circumstances, clean: CleanWords): string {
  const id = headers?.["x-request-id"];
  const known = [name !== undefined && `code ${clean(name)}`, typeof id === "string" && `request ${id}`].filter(
    Boolean,
  );
  const head = `the provider answered ${status ?? "with an error event"}${known.length > 0 ? ` (${known.join(", ")})` : ""}`;
  // Answers about credentials repeat parts of the key.
  if (status === 401 || status === 402 || status === 403) return head;
  return `${head}: ${clean(words)}`;
}

/** A timer of more than 24.8 days runs at once, in browsers too: nobody is told of a longer wait than this. */
const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/** `retry-after-ms`, else `retry-after` as seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMsOf(headers: IncomingHttpHeaders | undefined): number | undefined {
  const ms = Number(headers?.["retry-after-ms"] ?? Number.NaN);
  if (Number.isFinite(ms)) return boundedMs(ms);
  const text = headers?.["retry-after"] ?? "";
  if (text === "") return undefined;
  const waitMs = Number.isFinite(Number(text)) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(waitMs) ? boundedMs(waitMs) : undefined;
}

function boundedMs(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms)), MAX_RETRY_AFTER_MS);
}
