/** How a result is shown best, by what it is. */
export type ResultShape =
  | { readonly kind: "table"; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: "json"; readonly lines: readonly string[] }
  | { readonly kind: "log"; readonly lines: readonly string[] };

/** More than a kept result may have. */
const jsonChars = 400_000;
const columnsMost = 12;

export function shapeOf(result: string): ResultShape {
  const value = parsed(result);
  if (value === undefined || !isShallow(value, levelsMost))
    return { kind: "log", lines: linesOf(withoutMarks(withoutControls(result))) };
  return tableOf(value) ?? { kind: "json", lines: jsonLines(value) };
}

/** JSON for people to read; where it is too deep for that, in one line. Throws nothing that `JSON.parse` gives. */
export function jsonLines(value: object): string[] {
  if (isShallow(value, levelsMost)) return JSON.stringify(value, undefined, 2).split("\n");
  try {
    return [JSON.stringify(value)];
  } catch {
    // So deep that there is no room for as many calls of a function that calls itself.
    return ["…"];
  }
}

/** Each line is indented by its level: a kilobyte of brackets would be a megabyte of blanks. */
const levelsMost = 60;

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((one) => isShallow(one, levels - 1));
}

/** Undefined: it is no JSON of more than one value. */
function parsed(text: string): object | undefined {
  if (text.length > jsonChars || !/^\s*[[{]/u.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A list of objects whose values are no lists or objects themselves. */
function tableOf(value: object): ResultShape | undefined {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isFlat)) return undefined;
  const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
  if (columns.length === 0 || columns.length > columnsMost) return undefined;
  const rows = value.map((row) => columns.map((column) => cell(Object.hasOwn(row, column) ? row[column] : undefined)));
  return { kind: "table", columns, rows };
}

function isFlat(row: unknown): row is Readonly<Record<string, unknown>> {
  return typeof row === "object" && row !== null && !Array.isArray(row) && Object.values(row).every(isPlain);
}

function isPlain(value: unknown): boolean {
  return value === null || typeof value !== "object";
}

function cell(value: unknown): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
}

/** Lines with which a tool tells the model where what others wrote begins and ends: nothing of what was found. */
const marks = /^\[data (\w+) [^\n]*\]\n([^]*?)\n?^\[end of data \1\]$/gmu;

function withoutMarks(text: string): string {
  return text.replaceAll(marks, "$2");
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/u);
  while (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
}

// Colours, cursor movements and titles of terminals, and links that they would make clickable. Built from text: a pattern that names control characters is one
// by mistake elsewhere.
const escape = String.fromCharCode(27);
const bell = String.fromCharCode(7);
const escapes = new RegExp(
  [
    `${escape}\\[[0-?]*[ -/]*[@-~]`,
    `${escape}\\][^${bell}${escape}]*(?:${bell}|${escape}\\\\)?`,
    `${escape}[PX^_][^${escape}]*(?:${escape}\\\\)?`,
    `${escape}[@-Z\\\\-_]`,
  ].join("|"),
  "gu",
);
const controls = /(?![\t\n\r])\p{Cc}/gu;

/** What a terminal would not show as text. */
export function withoutControls(text: string): string {
  return text.replaceAll(escapes, "").replaceAll(controls, "");
}
