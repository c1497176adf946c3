import { endOfString, repairedJson } from "./json-repair.ts";

export const done: unique symbol = Symbol("[DONE]");

/** In the order in which they came: objects, arrays that hold something else, and `done`. */
export type StreamValue = object | typeof done;

/**
 * What a text says that is not simply one object. Seen in the field: lists of chunks; chunks as JSON within a string; several in a row, `data:` or
 * a line end in letters between them; `data:` twice; NaN; raw control characters. Undefined: it cannot be read, or not all of it.
 */
export function streamValuesIn(text: string): StreamValue[] | undefined {
  // Text is no JSON and costs no error.
  if (!/[{["]/.test(text.charAt(skip(text, 0)))) return undefined;
  const value = parse(text);
  if (typeof value === "string") return valuesInRow(value);
  return value === undefined ? valuesInRow(text) : valuesOf(value);
}

function valuesOf(value: unknown): StreamValue[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return Array.isArray(value) && value.length > 0 && value.every(isObject) ? value : [value];
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

const between = /(?:\s|\\[nr]|data:)+/y;
export const doneMark = "[DONE]";

function valuesInRow(written: string): StreamValue[] | undefined {
  const text = repairedJson(written, { numbers: true });
  const values: StreamValue[] = [];
  for (let at = skip(text, 0); at < text.length; at = skip(text, at)) {
    const isDone = text.startsWith(doneMark, at);
    const end = isDone ? at + doneMark.length : endOfValue(text, at);
    if (end === at) return undefined;
    const found: StreamValue[] | undefined = isDone ? [done] : valuesOf(parse(text.slice(at, end)));
    if (found === undefined) return undefined;
    values.push(...found);
    at = end;
  }
  return values.length > 0 ? values : undefined;
}

function skip(text: string, at: number): number {
  between.lastIndex = at;
  return between.test(text) ? between.lastIndex : at;
}

/** Where the object or array ends that begins at a place; that place: none does, or it has no end. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth <= 0) return at + 1;
    else if (depth === 0) return start;
    else if (character === '"') at = endOfString(text, at) - 1;
  }
  return start;
}

/** Undefined is never JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
