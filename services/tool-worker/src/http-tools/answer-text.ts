import { plainForeign, textOutput } from "../kubernetes/shape.ts";
import type { ToolOutput } from "../tools/tool.ts";
import { isRecord } from "./document-references.ts";
import type { HttpAnswer } from "./exchange.ts";

const ERROR_CHARS = 1_000;

/** What a service answered as the result of a call. */
export function outputOf(answer: HttpAnswer, asked: string, service: string): ToolOutput {
  const { status, body, isCut, contentType } = answer;
  const summary = `${asked} answered ${status}.`;
  if (body.length === 0) return { text: summary };
  const text = textOf(answer);
  if (text === undefined)
    return { text: `${summary} What it sent is no text (${foreignLine(contentType || "no type")}): not shown.` };
  const output = textOutput({ summary, text, keep: "beginning", source: `the service ${service}` });
  if (!isCut) return output;
  const note = `The answer is longer than ${body.length} bytes; the rest was not read.`;
  return {
    ...{ ...output, truncated: true, text: `${output.text}\n${note}` },
    ...(output.brief === undefined ? {} : { brief: `${output.brief}\n${note}` }),
  };
}

/** What a service says of a failure, as a part of a sentence of ours; empty: nothing. */
export function saidOf(answer: HttpAnswer): string {
  const text = textOf(answer) ?? "";
  const words = wordsOf(answer, text);
  return words === "" ? "" : ` It says: "${foreignLine(words)}"`;
}

/** Somebody else's text within a sentence. */
export function foreignLine(text: string): string {
  const line = plainForeign(text).replaceAll(/\s+/g, " ").replaceAll('"', "'").trim();
  return line.length > ERROR_CHARS ? `${line.slice(0, ERROR_CHARS).toWellFormed()}…` : line;
}

/** Undefined: it is no text. Lines end where JSON has them, so that a cut falls between values. */
function textOf({ contentType, charset, body, isCut }: HttpAnswer): string | undefined {
  const isJson = /^application\/(?:[\w.+-]*\+)?json$/.test(contentType);
  if (!isJson && !contentType.startsWith("text/") && !/^application\/(?:[\w.+-]*\+)?(?:xml|yaml)$/.test(contentType))
    return undefined;
  const text = decoded(body, charset);
  if (!isJson || isCut) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 1);
  } catch {
    // It says that it is JSON and is not: shown as it is.
    return text;
  }
}

/** Of a charset that nobody knows, what is not UTF-8 is shown as that. */
function decoded(body: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset === "" ? "utf-8" : charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

/** The usual places of a sentence in JSON (RFC 9457 and its forerunners); of an HTML page nothing is of use. */
function wordsOf({ contentType }: HttpAnswer, text: string): string {
  if (contentType === "text/html") return "";
  if (!contentType.includes("json")) return text;
  try {
    const value: unknown = JSON.parse(text);
    const found = isRecord(value) ? said(value) : [];
    return found.length > 0 ? found.join(": ") : text;
  } catch {
    return text;
  }
}

function said(value: Record<string, unknown>): string[] {
  const inner = value["error"];
  const places = isRecord(inner) ? inner : value;
  return ["title", "error", "message", "detail", "error_description"].flatMap((name) => {
    const words = places[name];
    return typeof words === "string" && words !== "" ? [words] : [];
  });
}
