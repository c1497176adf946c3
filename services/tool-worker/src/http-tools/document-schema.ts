import { toPlainText } from "../plain-text.ts";
import { isRecord, type Json } from "./document-references.ts";

/** Bounds of what a model is given of one parameter or body: it pays for that in every step. */
const MAX_BYTES = 16 * 1024;
const MAX_DEPTH = 10;
const MAX_NODES = 1_500;
const MAX_ENTRIES = 200;
const TEXT_CHARS = 500;
const PATTERN_CHARS = 200;

const texts = new Set(["title", "description"]);

type Resolve = (value: unknown) => Json | undefined;

interface Writing {
  readonly resolve: Resolve;
  readonly withTexts: boolean;
  nodes: number;
}

/**
 * A schema of an OpenAPI document as JSON Schema of 2020-12 that stands alone: references are written out, a schema within itself ends where it begins again, what 3.0 says otherwise
 * is said anew, only known words are kept. What is too large loses its descriptions, and then all but its type.
 */
export function standaloneSchema(schema: unknown, resolve: Resolve): Json {
  for (const withTexts of [true, false]) {
    const written = write(schema, [], { resolve, withTexts, nodes: 0 });
    if (JSON.stringify(written).length <= MAX_BYTES) return written;
  }
  const type = resolve(schema)?.["type"];
  return typeof type === "string" ? { type } : {};
}

function write(value: unknown, within: readonly Json[], writing: Writing): Json {
  const schema = writing.resolve(value);
  if (schema === undefined || within.includes(schema) || within.length > MAX_DEPTH || ++writing.nodes > MAX_NODES)
    return {};
  const inner = (part: unknown): unknown =>
    typeof part === "boolean" ? part : write(part, [...within, schema], writing);
  const kept = Object.entries(schema).flatMap(([word, said]): [string, unknown][] => {
    if (texts.has(word) && !writing.withTexts) return [];
    const written = writers.get(word)?.(said, { inner, resolve: writing.resolve });
    return written === undefined ? [] : [[word, written]];
  });
  return as2020(Object.fromEntries(kept), schema);
}

interface Parts {
  readonly inner: (part: unknown) => unknown;
  readonly resolve: Resolve;
}

type Writer = (said: unknown, parts: Parts) => unknown;

const asItIs: Writer = (said) => (isSmall(said) ? said : undefined);
const asText: Writer = (said) => (typeof said === "string" ? shortText(said) : undefined);
const asList: Writer = (said, { inner }) =>
  Array.isArray(said) ? said.slice(0, MAX_ENTRIES).map((part: unknown) => inner(part)) : undefined;
const asSchema: Writer = (said, { inner }) => inner(said);

function everyOne(words: readonly string[], writer: Writer): [string, Writer][] {
  return words.map((word) => [word, writer]);
}

/** What is not here is left out. */
const writers = new Map<string, Writer>([
  ...everyOne(["minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems"], asItIs),
  ...everyOne(["uniqueItems", "minProperties", "maxProperties", "format", "default", "const"], asItIs),
  ...everyOne(["type", "enum", "required"], asItIs),
  ...everyOne(["oneOf", "anyOf", "allOf", "prefixItems"], asList),
  ...everyOne([...texts], asText),
  ...everyOne(["items", "additionalProperties"], asSchema),
  ["properties", (said, parts) => (isRecord(said) ? writeProperties(said, parts) : undefined)],
  ["pattern", (said) => (typeof said === "string" && said.length <= PATTERN_CHARS ? said : undefined)],
]);

/** What the service sets itself is not asked for. */
function writeProperties(properties: Json, { inner, resolve }: Parts): Json {
  const kept = Object.entries(properties).filter(
    ([name, property]) => name !== "__proto__" && resolve(property)?.["readOnly"] !== true,
  );
  return Object.fromEntries(kept.slice(0, MAX_ENTRIES).map(([name, property]) => [name, inner(property)]));
}

/** 3.0 has `nullable` beside a type, and limits that are or are not part of the range. */
function as2020(written: Json, original: Json): Json {
  const { required, properties } = written;
  if (Array.isArray(required) && isRecord(properties))
    written["required"] = required.filter((name) => typeof name === "string" && Object.hasOwn(properties, name));
  for (const [limit, exclusive] of [
    ["minimum", "exclusiveMinimum"],
    ["maximum", "exclusiveMaximum"],
  ] as const) {
    const said = original[exclusive];
    if (typeof said === "number") written[exclusive] = said;
    if (said !== true) continue;
    written[exclusive] = written[limit];
    delete written[limit];
  }
  return original["nullable"] === true ? orNull(written) : written;
}

function orNull(written: Json): Json {
  const { type, enum: values } = written;
  if (typeof type !== "string") return { anyOf: [written, { type: "null" }] };
  return { ...written, type: [type, "null"], ...(Array.isArray(values) ? { enum: values.concat([null]) } : {}) };
}

/** For checking: a pattern can be written so that it stops this process, and formats are the service's to judge. */
export function withoutPatterns(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPatterns);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(
    ([word, said]) => typeof said !== "string" || (word !== "pattern" && word !== "format"),
  );
  return Object.fromEntries(kept.map(([word, said]) => [word, withoutPatterns(said)]));
}

export function shortText(text: string): string {
  const plain = toPlainText(text).toWellFormed().trim();
  return plain.length > TEXT_CHARS ? `${plain.slice(0, TEXT_CHARS).toWellFormed()}…` : plain;
}

function isSmall(value: unknown): boolean {
  return (JSON.stringify(value) ?? "").length <= 8 * TEXT_CHARS;
}
