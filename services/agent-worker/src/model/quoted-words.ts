import type { RequestBody } from "./request-body.ts";

/** So much of a message in the words of a server is a quotation; server and message may both say less in the same words. */
const leastQuoteChars = 20;
/** A message that is shorter is one where it is there as a whole, unless it is but a word. */
const leastMessageChars = 8;
/** A server says what is wrong in less; the rest is quoted. */
const maxWordsChars = 8_000;

/** Letters and digits, and escapes of JSON and Python, which are neither. */
const token = /\\[nrt]|\\u[0-9a-f]{4}|[\p{L}\p{N}]+/giu;

interface Token {
  readonly text: string;
  /** In the text it is of. */
  readonly at: number;
  /** In `plain`. */
  readonly start: number;
}

/** What a server says on its own account: without what it quotes of the conversation, where anybody may have written anything. */
export function withoutQuotes(words: string, { messages }: Pick<RequestBody, "messages">): string {
  const said = words.slice(0, maxWordsChars);
  const { plain, tokens } = read(said);
  const isQuoted = new Set<Token>();
  const cover = (start: number, end: number): void => {
    for (const one of tokens) if (one.start >= start && one.start < end) isQuoted.add(one);
  };
  const runs = runsOf(plain, tokens);
  for (const text of messages.flatMap(textsOf)) {
    const message = read(text);
    const { length } = message.plain;
    if (length < leastQuoteChars) {
      if (length < leastMessageChars || message.tokens.length < 2) continue;
      const at = ` ${plain} `.indexOf(` ${message.plain} `);
      if (at >= 0) cover(at, at + length);
    }
    for (const { start } of message.tokens) {
      const run = message.plain.slice(start, start + leastQuoteChars);
      for (const at of runs.get(run) ?? []) cover(at, at + leastQuoteChars);
      runs.delete(run);
    }
  }
  return isQuoted.size === 0 ? said : blank(said, tokens, isQuoted);
}

function read(text: string): { plain: string; tokens: Token[] } {
  const tokens: Token[] = [];
  const parts: string[] = [];
  let start = 0;
  for (const match of text.matchAll(token)) {
    if (match[0].startsWith("\\")) continue;
    tokens.push({ text: match[0], at: match.index, start });
    parts.push(match[0].toLowerCase());
    start += match[0].toLowerCase().length + 1;
  }
  return { plain: parts.join(" "), tokens };
}

/** Where which run of letters begins. */
function runsOf(plain: string, tokens: readonly Token[]): Map<string, number[]> {
  const runs = new Map<string, number[]>();
  for (const { start } of tokens) {
    const run = plain.slice(start, start + leastQuoteChars);
    if (run.length === leastQuoteChars) runs.set(run, [...(runs.get(run) ?? []), start]);
  }
  return runs;
}

function blank(text: string, tokens: readonly Token[], isQuoted: ReadonlySet<Token>): string {
  let kept = "";
  let from = 0;
  for (const one of tokens) {
    if (!isQuoted.has(one)) continue;
    kept += text.slice(from, one.at);
    from = one.at + one.text.length;
  }
  return kept + text.slice(from);
}

/** All that users, models and tools have written. */
function textsOf(message: RequestBody["messages"][number]): string[] {
  const { content } = message;
  const calls = message.role === "assistant" ? (message.tool_calls ?? []) : [];
  const args = calls.flatMap((call) => (call.type === "function" ? [call.function.arguments] : []));
  const parts = Array.isArray(content) ? content.flatMap((part) => (part.type === "text" ? [part.text] : [])) : [];
  return [...(typeof content === "string" ? [content] : parts), ...args];
}
