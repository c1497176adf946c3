import { toPlainText } from "../plain-text.ts";

export type JsonSchema = Record<string, unknown>;

/** Bounds of what models are given of one tool: each of them pays for it in every step. */
const MAX_BYTES = 16 * 1024;
const MAX_DEPTH = 8;
const MAX_ENTRIES = 100;
const MAX_NODES = 2_000;
const TEXT_CHARS = 400;
const PATTERN_CHARS = 200;

type Clean = (node: JsonSchema) => JsonSchema;
/** What is kept of a word's value; undefined: the word is left out. */
type Keep = (value: unknown, clean: Clean) => unknown;

const scalar: Keep = (value) => (isScalar(value) ? value : undefined);
const small: Keep = (value) => ((JSON.stringify(value) ?? "").length <= TEXT_CHARS ? value : undefined);
const inner: Keep = (value, clean) => {
  if (typeof value === "boolean") return value;
  return isObject(value) ? clean(value) : undefined;
};
const listOf =
  (keep: Keep): Keep =>
  (value, clean) =>
    Array.isArray(value)
      ? value.slice(0, MAX_ENTRIES).flatMap((entry: unknown) => {
          const kept = keep(entry, clean);
          return kept === undefined ? [] : [kept];
        })
      : undefined;
const said: Keep = (value) => (typeof value === "string" ? shortText(value) : undefined);

const plain = [
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"],
  ...["minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems", "format"],
];

/** The words that models get; others are left out. */
const words: ReadonlyMap<string, Keep> = new Map<string, Keep>([
  ...plain.map((word): [string, Keep] => [word, scalar]),
  ...["description", "title"].map((word): [string, Keep] => [word, said]),
  ...["items", "additionalProperties", "not", "contains", "propertyNames"].map((word): [string, Keep] => [word, inner]),
  ...["anyOf", "oneOf", "allOf", "prefixItems"].map((word): [string, Keep] => [word, listOf(inner)]),
  ["type", (value) => typeOf(value)],
  ["pattern", (value) => (typeof value === "string" && value.length <= PATTERN_CHARS ? value : undefined)],
  ["const", small],
  ["default", small],
  ["enum", listOf(scalar)],
  ["required", listOf((value) => (isName(value) ? value : undefined))],
  ["properties", (value, clean) => (isObject(value) ? eachOf(value, (entry) => inner(entry, clean)) : undefined)],
]);

interface Cleaning {
  readonly root: JsonSchema;
  readonly withTexts: boolean;
  nodes: number;
}

/**
 * The JSON Schema of a tool's arguments as models get it: known words only, references written out, texts made plain and short, all of it bounded. What has no room loses its
 * texts, and then all but the fact that it is an object.
 */
export function cleanSchema(schema: unknown): JsonSchema {
  if (!isObject(schema)) return { type: "object" };
  for (const withTexts of [true, false]) {
    const cleaned = { type: "object", ...cleanNode(schema, 0, { root: schema, withTexts, nodes: 0 }) };
    if (JSON.stringify(cleaned).length <= MAX_BYTES) return cleaned;
  }
  return { type: "object" };
}

/** The same without what costs time to check. */
export function withoutPatterns(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema).filter(([word]) => word !== "pattern" && word !== "format");
  return Object.fromEntries(
    kept.map(([word, value]) => [word, word === "properties" && isObject(value) ? eachOf(value, bare) : bare(value)]),
  );
}

function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  return isObject(value) ? withoutPatterns(value) : value;
}

function cleanNode(node: JsonSchema, depth: number, cleaning: Cleaning): JsonSchema {
  if (depth > MAX_DEPTH || ++cleaning.nodes > MAX_NODES) return {};
  const target = typeof node["$ref"] === "string" ? referred(node["$ref"], cleaning.root) : undefined;
  const whole = target === undefined ? node : { ...target, ...node };
  const cleaned = Object.entries(whole).flatMap(([word, value]): [string, unknown][] => {
    const keep = words.get(word);
    const isText = keep === said;
    const kept = keep?.(value, (inside) => cleanNode(inside, depth + 1, cleaning));
    return kept === undefined || (isText && !cleaning.withTexts) ? [] : [[word, kept]];
  });
  return Object.fromEntries(cleaned);
}

/** Names that a model cannot write are left out with what they name. */
function eachOf(properties: JsonSchema, change: (value: unknown) => unknown): JsonSchema {
  const kept = Object.entries(properties).filter(([name]) => isName(name) && name !== "__proto__");
  return Object.fromEntries(kept.slice(0, MAX_ENTRIES).map(([name, value]) => [name, change(value) ?? {}]));
}

/** What a reference within the schema leads to; of others nothing is known. */
function referred(reference: string, root: JsonSchema): JsonSchema | undefined {
  const [, place, name] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) ?? [];
  if (place === undefined || name === undefined) return undefined;
  const named = root[place];
  const target = isObject(named) && Object.hasOwn(named, name) ? named[name] : undefined;
  return isObject(target) ? target : undefined;
}

function typeOf(value: unknown): unknown {
  const names = Array.isArray(value) ? value : [value];
  return names.every((name) => typeof name === "string" && /^[a-z]{1,10}$/.test(name)) ? value : undefined;
}

function shortText(text: string): string {
  const line = toPlainText(text).toWellFormed().trim();
  return line.length > TEXT_CHARS ? `${line.slice(0, TEXT_CHARS).toWellFormed()}…` : line;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && /^[^\p{C}]{1,128}$/u.test(value);
}

function isScalar(value: unknown): value is string | number | boolean | null {
  if (typeof value === "string") return value.length <= TEXT_CHARS;
  return value === null || typeof value === "number" || typeof value === "boolean";
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
