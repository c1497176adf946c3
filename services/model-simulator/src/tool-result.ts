import { z } from "zod";
import { findTable, readTextTable, type ResultTable } from "./result-table.ts";

/** What can be said about the result of a tool, whatever form the tool gave it. `value` is there when it was JSON. */
export type ToolResult = { failure?: string; summary?: string; table?: ResultTable; value?: unknown; text: string };

/** Fields in which tools put text for people. */
const TEXT_FIELDS = ["text", "logs", "log", "lines", "output", "content", "result"];

const FAILED = /^(failed|failure|error|denied|rejected|expired|timeout|timed_out|cancelled)$/i;
const FAILED_TEXT = /^\s*(?:error\b|failed\b|failure\b|tool (?:call )?(?:failed|denied|timed out))/i;

const outcome = z.looseObject({
  status: z.string().optional().catch(undefined),
  error: z.unknown().optional(),
  isError: z.boolean().optional().catch(undefined),
  ok: z.boolean().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  summary: z.string().optional().catch(undefined),
  result: z.unknown().optional(),
});
type Outcome = z.infer<typeof outcome>;

/** An element around the result, by which callers mark it as data; it may say how the call ended. */
const MARKED = /^\s*<(\w+)\b([^>]*)>\n?([^]*?)\n?<\/\1(?:\s[^>]*)?>\s*$/;

/** Lines between which tools put what others wrote, for the model to know it from instructions. */
const DELIMITED = /^\[data (\w+) [^\n]*\]\n([^]*?)\n?^\[end of data \1\]$/gm;

export function readToolResult(result: string): ToolResult {
  const content = result.replaceAll(DELIMITED, "$2");
  const [, , attributes = "", marked] = MARKED.exec(content) ?? [];
  const read = readContent(marked ?? content);
  const status = /\bstatus="([^"]*)"/.exec(attributes)?.[1] ?? "";
  return read.failure === undefined && FAILED.test(status)
    ? { ...read, failure: firstLine(read.text) || status }
    : read;
}

function readContent(content: string): ToolResult {
  const value = jsonIn(content);
  if (value === undefined) return fromText(content);
  const fields = outcome.safeParse(value).data;
  const failure = fields === undefined ? undefined : failureOf(fields);
  const table = findTable(value);
  return {
    text: longText(fields) ?? content,
    value,
    ...(failure !== undefined && { failure }),
    ...(fields?.summary !== undefined && { summary: fields.summary }),
    ...(table !== undefined && { table }),
  };
}

function fromText(content: string): ToolResult {
  if (FAILED_TEXT.test(content)) return { text: content, failure: firstLine(content) };
  const table = readTextTable(content);
  return { text: content, ...(table !== undefined && { table }) };
}

/** Tools may put a delimiter around their data, so the JSON is looked for inside the text too. */
function jsonIn(content: string): unknown {
  const whole = tryJson(content);
  if (whole !== undefined) return whole;
  const start = content.search(/^[ \t]*[[{]/m);
  const end = Math.max(content.lastIndexOf("}"), content.lastIndexOf("]"));
  return start < 0 || end <= start ? undefined : tryJson(content.slice(start, end + 1));
}

function tryJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function longText(fields: Outcome | undefined): string | undefined {
  for (const name of TEXT_FIELDS) {
    const field = fields?.[name];
    if (typeof field === "string") return field;
    const lines = z.array(z.string()).min(1).safeParse(field).data;
    if (lines !== undefined) return lines.join("\n");
  }
  return undefined;
}

function failureOf(fields: Outcome): string | undefined {
  if (!reportsFailure(fields)) return undefined;
  const why = readableText(fields.error) ?? fields.message ?? fields.reason ?? readableText(fields.result);
  return why === undefined ? `it was ${fields.status ?? "not successful"}` : firstLine(why);
}

function reportsFailure({ status = "", isError, ok, error = null }: Outcome): boolean {
  return FAILED.test(status) || isError === true || ok === false || (error !== null && error !== false && error !== "");
}

function readableText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const message = z.looseObject({ message: z.string() }).safeParse(value).data?.message;
  if (message !== undefined) return message;
  return typeof value === "object" && value !== null ? JSON.stringify(value) : undefined;
}

function firstLine(text: string): string {
  return (text.trim().split("\n")[0] ?? "").slice(0, 300);
}
