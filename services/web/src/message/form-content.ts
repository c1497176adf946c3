import type { FormField } from "@parley/protocol";
import type { MessageWords } from "../words/message.en.ts";

/** What was filled in so far, by name of the field: as text, of `boolean` whether, of `choices` which. */
export type FormValues = Readonly<Record<string, string | boolean | readonly string[]>>;

export type FormContent = Readonly<Record<string, string | number | boolean | string[]>>;

export type FormAnswer =
  | { readonly content: FormContent }
  /** In `field` is something that does not fit. */
  | { readonly field: string; readonly problem: string };

/** What the server takes of a text. */
export const answerChars = 4_000;

const known: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "choices"]);

export function isKnownField({ type }: FormField): boolean {
  return known.has(type);
}

export function nameOf({ title, name }: FormField): string {
  return title === undefined || title.trim() === "" ? name : title;
}

/** What is sent as `content`, or the first thing that is wrong with it. Fields that were left empty are not in it. */
export function formAnswer(fields: readonly FormField[], values: FormValues, words: MessageWords["form"]): FormAnswer {
  const content: [string, string | number | boolean | string[]][] = [];
  for (const field of fields) {
    const value = valueOf(field, values[field.name]);
    const problem = problemOf(field, value, words);
    if (problem !== undefined) return { field: field.name, problem };
    if (value !== undefined) content.push([field.name, value]);
  }
  return { content: Object.fromEntries(content) };
}

type Value = string | number | boolean | string[];

/** Undefined: nothing was filled in. */
function valueOf({ type, required }: FormField, given: FormValues[string] | undefined): Value | undefined {
  if (type === "boolean") return given === true;
  if (type === "choices") {
    const chosen = Array.isArray(given) ? given.map(String) : [];
    return chosen.length > 0 || required === true ? chosen : undefined;
  }
  const text = typeof given === "string" ? given : "";
  if (text.trim() === "") return undefined;
  return type === "number" || type === "integer" ? numberIn(text) : text;
}

/** As people write numbers: with a comma, or blanks between thousands. NaN: it is none. */
function numberIn(text: string): number {
  const bare = text
    .trim()
    .replaceAll(/[\s_]/gu, "")
    .replace(/^([+-]?\d+),(\d+)$/u, "$1.$2");
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/iu.test(bare) ? Number(bare) : Number.NaN;
}

function problemOf(field: FormField, value: Value | undefined, words: MessageWords["form"]): string | undefined {
  const name = nameOf(field);
  if (!isKnownField(field)) return words.unknown(name);
  const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return field.required === true ? words.missing(name) : undefined;
  if (typeof value === "number") return numberProblem(field, value, words);
  if (typeof value !== "string") return undefined;
  if (field.options !== undefined && !field.options.includes(value)) return words.choice(name);
  return value.length > answerChars ? words.tooLong(name, String(answerChars)) : undefined;
}

function numberProblem(field: FormField, value: number, words: MessageWords["form"]): string | undefined {
  if (!Number.isFinite(value))
    return field.type === "integer" ? words.integer(nameOf(field)) : words.number(nameOf(field));
  if (field.type === "integer" && !Number.isSafeInteger(value)) return words.integer(nameOf(field));
  if (field.options !== undefined && !field.options.includes(String(value))) return words.choice(nameOf(field));
  return undefined;
}
