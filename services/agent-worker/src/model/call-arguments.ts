import { isDeeperThan, limits, wellFormedJson } from "@parley/protocol";
import { isFields, type Fields } from "./fields.ts";
import { jsonOfPython, repairedJson } from "./json-repair.ts";

/** Text that holds JSON that holds JSON …: some servers encode twice. */
const maxLayers = 3;

/**
 * The arguments of a call as the JSON text of an object, if what came can be read as one. Seen in the field: nothing, `null` or `[]` for no
 * arguments; an empty object first and then the real one; the same object again; text that holds the JSON; a code fence or leftovers of a template
 * around it. Two different objects stay as they are: the model has to say which it meant.
 */
export function argumentsText(text: string): string {
  if (text.trim() === "") return "{}";
  if (isObjectText(text)) return wellFormedJson(text);
  const found = objectIn(text, maxLayers);
  return found === undefined ? wellFormedJson(text) : wellFormedJson(JSON.stringify(found));
}

/** Whether anything can be made of it; absent arguments may have been about to come. */
export function isWholeArguments(text: string): boolean {
  return text.trim() !== "" && (isObjectText(text) || objectIn(text, maxLayers) !== undefined);
}

/** By itself, with nothing around it. */
export function isObjectText(text: string): boolean {
  return /^\s*\{[^]*\}\s*$/.test(text) && isFields(parse(text));
}

function objectIn(text: string, layers: number): Fields | undefined {
  const whole = parse(text) ?? parse(repairedJson(text)) ?? parse(jsonOfPython(repairedJson(text)));
  if (whole !== undefined) return objectOf(whole, layers);
  const { values, rest } = valuesIn(text.replace(/^\s*```\w*/, ""));
  // What follows may be the beginning of other arguments.
  if (rest.includes("{")) return undefined;
  const objects = values.map((value) => objectOf(value, layers));
  const known = objects.filter((object) => object !== undefined);
  if (known.length === 0 || known.length < objects.length) return undefined;
  const different = new Map(
    known.filter((object) => Object.keys(object).length > 0).map((object) => [JSON.stringify(object), object]),
  );
  if (different.size > 1) return undefined;
  return [...different.values()][0] ?? {};
}

function objectOf(value: unknown, layers: number): Fields | undefined {
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return {};
  if (isFields(value)) return value;
  return typeof value === "string" && layers > 0 ? objectIn(value, layers - 1) : undefined;
}

/** More values than that in a row are no arguments. */
const maxValues = 64;

/** The objects, texts and nulls that a text begins with, one after another, and what comes after them. */
function valuesIn(text: string): { values: unknown[]; rest: string } {
  const values: unknown[] = [];
  let rest = text.trimStart();
  while (values.length < maxValues) {
    const end = endOfValue(rest);
    const value = end === 0 ? undefined : parse(rest.slice(0, end));
    if (value === undefined) break;
    values.push(value);
    rest = rest.slice(end).trimStart();
  }
  return { values, rest };
}

/** Where the object, text or null ends that a text begins with; 0: it begins with none. */
function endOfValue(text: string): number {
  if (text.startsWith("null")) return 4;
  const string = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
  if (text.startsWith('"')) return string.exec(text)?.[0].length ?? 0;
  if (!text.startsWith("{")) return 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      string.lastIndex = at;
      if (!string.test(text)) return 0;
      at = string.lastIndex - 1;
    } else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return at + 1;
  }
  return 0;
}

/** Undefined is never JSON; and what is nested too deep cannot be written again. */
function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isDeeperThan(value, limits.toolArgumentsDepth) ? undefined : value;
  } catch {
    return undefined;
  }
}
