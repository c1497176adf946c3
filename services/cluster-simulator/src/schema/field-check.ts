import { at, isObject, isSame, type Json, type JsonObject, listAt, objectAt, textAt } from "../json.ts";
import type { Schema, Schemas } from "./schemas.ts";

export type WrongType = { field: string; found: string; wanted: string };

export type FieldCheck = {
  /** What is left when unknown fields and nulls are dropped and defaults are put in. */
  value: Json;
  /** Fields that the schema does not have. */
  unknown: string[];
  /** Values of another type. */
  wrong: WrongType[];
  /** Required fields that are not there. */
  missing: string[];
};

/**
 * Holds a value against its schema as an API server does while it decodes. Of a built-in kind, an empty map or list is as good as none; of a custom
 * kind it stays.
 */
export function checkFields(schemas: Schemas, schema: Schema, value: Json, keepsEmpty = true): FieldCheck {
  const found: Omit<FieldCheck, "value"> = { unknown: [], wrong: [], missing: [] };
  const walked = walk({ schemas, found, keepsEmpty }, schema, value, "");
  return { value: walked ?? {}, ...found };
}

type Walk = { schemas: Schemas; found: Omit<FieldCheck, "value">; keepsEmpty: boolean };

/** undefined for what counts as not there. */
function walk(context: Walk, schema: Schema, value: Json, path: string): Json | undefined {
  if (value === null) return at(schema, "x-kubernetes-preserve-unknown-fields") === true ? null : undefined;
  if (schema === undefined || isAnything(schema)) return value;
  if (!isOfType(schema, value)) {
    const wanted = textAt(schema, "type") ?? "string";
    context.found.wrong.push({ field: path.slice(1), found: nameOfType(value), wanted });
    return undefined;
  }
  if (Array.isArray(value)) {
    const item = context.schemas.item(schema);
    return value.map((entry, index) => walk(context, item, entry, `${path}[${index}]`) ?? null);
  }
  return isObject(value) ? walkObject(context, schema, value, path) : value;
}

function walkObject(context: Walk, schema: Schema, value: JsonObject, path: string): JsonObject {
  const properties = at(schema, "properties");
  const open = at(schema, "additionalProperties") !== undefined || properties === undefined;
  const entries: [string, Json][] = [];
  for (const [key, entry] of Object.entries(value)) {
    const isKnown = at(properties, key) !== undefined;
    if (!isKnown && !open && at(schema, "x-kubernetes-preserve-unknown-fields") !== true) {
      context.found.unknown.push(`${path}.${key}`.slice(1));
      continue;
    }
    const walked = walkField(context, schema, { key, value: entry, path });
    if (walked !== undefined) entries.push([key, walked]);
  }
  const result: JsonObject = Object.fromEntries(entries);
  addDefaults(schema, result);
  for (const key of listAt(schema, "required")) {
    if (typeof key === "string" && result[key] === undefined) context.found.missing.push(`${path}.${key}`.slice(1));
  }
  return result;
}

type Field = { key: string; value: Json; path: string };

function walkField(context: Walk, schema: Schema, { key, value, path }: Field): Json | undefined {
  const field = context.schemas.field(schema, key);
  const walked = walk(context, field, value, `${path}.${key}`);
  const isKept = context.keepsEmpty || !isEmpty(field, walked) || listAt(schema, "required").includes(key);
  return isKept ? walked : undefined;
}

/** An empty object with fields of its own says something by being there, as `emptyDir: {}` does. */
function isEmpty(schema: Schema, value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isSame(value, {}) && at(schema, "additionalProperties") !== undefined;
}

/** Empty defaults stand in the documents for fields that are always written; only the others say something. */
function addDefaults(schema: Schema, result: JsonObject): void {
  for (const [key, property] of Object.entries(objectAt(schema, "properties"))) {
    const value = at(property, "default");
    const isEmpty = value === undefined || value === "" || value === 0 || isSame(value, {});
    if (!isEmpty && result[key] === undefined) result[key] = structuredClone(value);
  }
}

function isAnything(schema: JsonObject): boolean {
  return (
    textAt(schema, "type") === undefined && at(schema, "properties") === undefined && at(schema, "oneOf") === undefined
  );
}

function isOfType(schema: JsonObject, value: Json): boolean {
  if (textAt(schema, "format") === "int-or-string" || at(schema, "x-kubernetes-int-or-string") === true)
    return typeof value === "string" || Number.isInteger(value);
  const choices = listAt(schema, "oneOf");
  if (choices.length > 0) return choices.some((choice) => isObject(choice) && isOfType(choice, value));
  switch (textAt(schema, "type")) {
    case "string":
      return typeof value === "string";
    case "integer":
      return Number.isInteger(value);
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    default:
      return true;
  }
}

function nameOfType(value: Json): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value;
}
