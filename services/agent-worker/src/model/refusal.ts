import { isFields } from "./fields.ts";
import { hasImages, imageRefusal } from "./images.ts";
import { reasoningFields } from "./message-fields.ts";
import { Abilities } from "./model-rules.ts";
import { withoutQuotes } from "./quoted-words.ts";
import type { RequestBody } from "./request-body.ts";
import { hasCalls, rolesTakenIn, toolReadings, type Reading, type Sent } from "./tool-refusal.ts";

/** A request that was not taken, and why, in the server's own words: message, parameter and code of its error. */
export interface Refusal {
  readonly status: number;
  readonly words: string;
}

/** What a refusal says about one ability. */
export interface Lesson {
  readonly ability: keyof Abilities;
  readonly change: Partial<Abilities>;
  /** It holds for this request, and says nothing of others. */
  readonly isOnlyHere: boolean;
}

const unknownField =
  /unknown|unrecogni[sz]ed|unexpected|unsupported|not (?:supported|permitted|allowed|recogni[sz]ed|accepted)|extra (?:input|field|propert)|additional propert|invalid|forbidden|does not support/i;

/** In this order, the more exact before the less exact: words about the id of a call also speak of tools. */
const readings: { readonly [Ability in keyof Abilities]?: Reading } = {
  images: ({ body, words }) => (hasImages(body) && imageRefusal(words) !== undefined ? { images: false } : undefined),
  stream_options: ({ body, words }) =>
    body.stream_options && /stream_options|stream options|include_usage/i.test(words)
      ? { stream_options: false }
      : undefined,
  stream: ({ body, words }) => (body.stream && isAboutStreams(words) ? { stream: false } : undefined),
  parallel_tool_calls: ({ body, words }) =>
    body.parallel_tool_calls === true && /parallel[_ ]tool[_ ]calls?/i.test(words)
      ? { parallel_tool_calls: false }
      : undefined,
  output_limit_field: readOutputLimit,
  reasoning_back: readReasoning,
  call_fields: ({ body, words }) =>
    unknownField.test(words) &&
    !/missing|required/i.test(words) &&
    opaqueNames(body).some((name) => isWordOf(words, name))
      ? { call_fields: false }
      : undefined,
  ...toolReadings.exact,
  null_content: ({ body, words }) => (hasNullContent(body) && isAboutNull(words) ? { null_content: false } : undefined),
  empty_content: ({ body, words }) =>
    hasEmptyContent(body) && isAboutEmpty(words) ? { empty_content: false, null_content: false } : undefined,
  system_role: readSystemRole,
  alternating_roles: ({ abilities, words }) =>
    !abilities.alternating_roles && isAboutTurns(words) ? { alternating_roles: true } : undefined,
  ...toolReadings.general,
};

const refusals: ReadonlySet<number> = new Set([400, 404, 422]);
/** Servers whose chat template throws also answer with these: llama.cpp. */
const templateFaults: ReadonlySet<number> = new Set([500, 501]);
const templateAbilities: ReadonlySet<string> = new Set<keyof Abilities>([
  "calls_per_message",
  "null_content",
  "empty_content",
  "system_role",
  "alternating_roles",
  "tool_schemas",
  "tools",
  "images",
]);

/** What a refusal may teach, the likeliest first. None: the request is wrong in another way. */
export function lessonsOf({ status, words }: Refusal, body: RequestBody, abilities: Abilities): Lesson[] {
  const isRefusal = refusals.has(status);
  if (!isRefusal && !templateFaults.has(status)) return [];
  const all = lessonsIn({ body, abilities, words }, isRefusal);
  return all.length === 0 ? all : lessonsIn({ body, abilities, words: withoutQuotes(words, body) }, isRefusal);
}

function lessonsIn(sent: Sent, isRefusal: boolean): Lesson[] {
  return Object.entries(readings).flatMap(([name, read]) => {
    if (!isRefusal && !templateAbilities.has(name)) return [];
    const change = read(sent);
    const [ability] = Abilities.keyof().options.filter((one) => one === name);
    const isOnlyHere = name === "images" && imageRefusal(sent.words) === "not these";
    return change === undefined || ability === undefined ? [] : [{ ability, change, isOnlyHere }];
  });
}

/** Of OpenAI's models some stream only for organisations that are verified. Where tools are the trouble, an answer in pieces is worth more. */
function isAboutStreams(words: string): boolean {
  if (/tool|function|stream_options/i.test(words)) return false;
  return /verified to stream|'stream' does not support|\bstream(?:ing)?\b[^.]{0,30}(?:not (?:supported|available|allowed|enabled)|unsupported)|not support(?:ing)? stream/i.test(
    words,
  );
}

function readOutputLimit({ body, words }: Sent): Partial<Abilities> | undefined {
  if (body.max_completion_tokens !== undefined && words.includes("max_completion_tokens"))
    return unknownField.test(words) ? { output_limit_field: "max_tokens" } : undefined;
  if (!("max_tokens" in body) || !words.includes("max_tokens")) return undefined;
  const isRefused = words.includes("max_completion_tokens") || unknownField.test(words);
  return isRefused ? { output_limit_field: "max_completion_tokens" } : undefined;
}

function readReasoning({ body, abilities, words }: Sent): Partial<Abilities> | undefined {
  if (!/reasoning|thinking/i.test(words)) return undefined;
  const isMissing = /must (?:be passed|include|be included|contain|have)|missing|required|expected/i.test(words);
  if (isMissing && abilities.reasoning_back !== "always" && hasCalls(body)) return { reasoning_back: "always" };
  const isNamed = [...reasoningFields].some((name) => words.includes(name) && assistantFields(body).has(name));
  return isNamed && !isMissing && abilities.reasoning_back !== "never" ? { reasoning_back: "never" } : undefined;
}

function readSystemRole({ body, abilities, words }: Sent): Partial<Abilities> | undefined {
  if (abilities.system_role === "user" || !body.messages.some(({ role }) => role === abilities.system_role))
    return undefined;
  // They do already, but for the first message.
  if (abilities.alternating_roles && isAboutTurns(words) && !/system/i.test(words))
    return { system_role: "user", alternating_roles: true };
  const taken = rolesTakenIn(words);
  if (taken !== undefined && !/system|developer/i.test(taken)) return { system_role: "user" };
  if (taken?.includes(abilities.system_role) === true || !isAboutSystem(words)) return undefined;
  return { system_role: otherRole(words, abilities.system_role) };
}

/** Where another one is named that is taken, it is the other one. */
function otherRole(words: string, refused: "system" | "developer"): Abilities["system_role"] {
  if (refused === "developer") return /['"`]system['"`]/.test(words) ? "system" : "user";
  return /use (?:the )?['"`]?developer|['"`]developer['"`]/i.test(words) ? "developer" : "user";
}

function isAboutSystem(words: string): boolean {
  return (
    /system|developer/i.test(words) &&
    /role|instruction|system (?:message|prompt)/i.test(words) &&
    /not (?:support|enabled|allowed|permitted|one of|accept)|unsupported|unknown|invalid|unexpected|only/i.test(words)
  );
}

function isAboutTurns(words: string): boolean {
  return /(?:roles?|messages?(?:\(s\))?)[^.]{0,60} alternat(?:e|ing)\b|must alternate between|consecutive (?:messages|user|assistant)|after role|same role|(?:even|odd) index/i.test(
    words,
  );
}

function isAboutNull(told: string): boolean {
  // Fields of the error itself, where all of it is text.
  const words = told.replaceAll(/"(?:param|code|type)":\s*null/g, "");
  if (/NoneType|\bnull\b|\bnil\b|untagged enum Message|"content"\]\W*"message\W*Invalid input/i.test(words))
    return true;
  return (
    /(?<![a-z]|reasoning[_ ])content(?![a-z])/i.test(words) &&
    /\bnone\b|missing|required|empty|valid string|(?:must|to) be (?:a )?(?:string|non)|expected (?:a )?string|should be|at least one|不能为空/i.test(
      words,
    )
  );
}

/** What has taken a text, but not one without anything in it. */
function isAboutEmpty(words: string): boolean {
  return (
    /(?<![a-z])content(?![a-z])|\btext\b/i.test(words) &&
    /\bempty\b|\bblank\b|at least one|whitespace|too short|min_?length|不能为空/i.test(words)
  );
}

function hasEmptyContent({ messages }: RequestBody): boolean {
  return messages.some(({ role, content }) => role === "assistant" && content === "");
}

function hasNullContent({ messages }: RequestBody): boolean {
  return messages.some(({ content }) => content === null);
}

/** Shorter names are words of every sentence. */
const leastNameChars = 5;

function isWordOf(words: string, name: string): boolean {
  return name.length >= leastNameChars && words.split(/\W+/).includes(name);
}

/** Names of all fields beside the usual ones that the calls of a request have. */
function opaqueNames({ messages }: RequestBody): string[] {
  const usual = new Set(["id", "type", "function", "name", "arguments", "index", "role", "content", "tool_calls"]);
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (!isFields(value)) return;
    for (const name in value) {
      if (!usual.has(name)) names.add(name);
      if (name === "function" || !usual.has(name)) visit(value[name]);
    }
  };
  for (const message of messages) {
    if (message.role !== "assistant") continue;
    const { tool_calls: calls = [], ...own } = message;
    for (const call of calls) visit(call);
    visit(own);
  }
  return [...names].filter((name) => !reasoningFields.has(name));
}

function assistantFields({ messages }: RequestBody): ReadonlySet<string> {
  return new Set(messages.flatMap((message) => (message.role === "assistant" ? Object.keys(message) : [])));
}
