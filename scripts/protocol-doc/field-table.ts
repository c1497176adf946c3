import {
  AnswerMetadata,
  AnyErrorCode,
  Author,
  FinishedToolCall,
  Part,
  Source,
  ToolCallState,
  TranscriptMessage,
  Usage,
  User,
  WaitingTurn,
} from "@parley/protocol";
import { z } from "zod";

/** Objects that occur inside frames: each has a section of its own. */
export const objects = {
  AnswerMetadata,
  Author,
  FinishedToolCall,
  Source,
  ToolCallState,
  TranscriptMessage,
  Usage,
  User,
  WaitingTurn,
} as const;

const named: readonly (readonly [name: string, schema: z.ZodType])[] = [
  ...Object.entries(objects),
  ["Part", Part],
  ["error code", AnyErrorCode],
];

/** Of names that are not the heading of their section. */
const anchors: Readonly<Record<string, string>> = { "error code": "error-codes" };

type JsonSchema = z.core.JSONSchema.JSONSchema;
type Field = boolean | JsonSchema;

/** JSON Schema of what goes over the wire; objects that have a section carry its name as `title`. A description makes a new schema of the same definition. */
function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const name = named.find(([, object]) => object !== schema && object.def === zodSchema._zod.def)?.[0];
      if (name !== undefined) jsonSchema.title = name;
    },
  });
}

/** The fields of an object as a table. Throws when one has no description. `without`: fields that are told elsewhere. */
export function fieldTable(schema: z.ZodType, without: readonly string[] = []): string {
  const { properties = {}, required = [] } = jsonSchemaOf(schema);
  const rows = Object.entries(properties)
    .filter(([name]) => name !== "type" && !without.includes(name))
    .map(([name, field]) => {
      const presence = required.includes(name) ? "yes" : "no";
      return `| \`${name}\` | ${typeOf(field)} | ${presence} | ${meaningOf(name, field)} |`;
    });
  if (rows.length === 0) return "";
  return ["| field | type | required | meaning |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function meaningOf(name: string, field: Field): string {
  if (typeof field === "boolean" || field.description === undefined) throw new Error(`${name} has no description`);
  const { description, default: value } = field;
  return value === undefined ? description : `${description} Default: \`${JSON.stringify(value)}\`.`;
}

/** A list that a newer version may have more values of (`openEnum`). */
function openListOf({ anyOf }: JsonSchema): JsonSchema | undefined {
  return anyOf?.find((schema) => schema.enum !== undefined);
}

function typeOf(field: Field): string {
  if (typeof field === "boolean") return "any";
  const some = orNull(field);
  if (some !== undefined) return `null or ${typeOf(some)}`;
  const open = openListOf(field);
  return open === undefined ? closedTypeOf(field) : `${closedTypeOf(open)}; there may be others`;
}

/** What it is where it is not null; undefined: it is never null. */
function orNull({ anyOf = [] }: JsonSchema): JsonSchema | undefined {
  const [some, ...others] = anyOf.filter(({ type }) => type !== "null");
  return others.length === 0 && anyOf.length === 2 ? some : undefined;
}

function closedTypeOf(field: JsonSchema): string {
  const { title, type, properties } = field;
  if (title !== undefined) return `[${title}](#${anchors[title] ?? title.toLowerCase()})`;
  if (field.enum !== undefined) return field.enum.map((value) => `\`${JSON.stringify(value)}\``).join(" or ");
  if (type === "array") return `array of ${typeOf(itemOf(field))}`;
  if (type === "string") return textType(field);
  if (type !== "object" || properties === undefined) return typeof type === "string" ? type : "any";
  const inner = Object.entries(properties).map(([name, part]) => `\`${name}\`: ${typeOf(part)}`);
  return `object of ${inner.join(", ")}`;
}

function itemOf({ items }: JsonSchema): Field {
  return items === undefined || Array.isArray(items) ? true : items;
}

function textType({ pattern, minLength = 0, maxLength }: JsonSchema): string {
  if (pattern !== undefined) return `string like \`${pattern.replaceAll("|", String.raw`\|`)}\``;
  if (maxLength === undefined) return "string";
  return `string of ${minLength > 0 ? `${minLength} to` : "at most"} ${maxLength.toLocaleString("en")} characters`;
}
