import type { ToolArguments, ToolDefinition } from "@parley/protocol";
import { isFields, type Fields } from "./model/fields.ts";

/**
 * Without the optional arguments that a model filled in with "" or null because it had nothing to say: where the tool's schema takes neither, the call
 * would fail for it. What the schema takes stays, and so does what is required: the tool says what is wrong with it.
 */
export function withoutBlanks(args: ToolArguments, schema: ToolDefinition["parameters"]): ToolArguments {
  const { properties, required } = schema;
  if (!isFields(properties)) return args;
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  const isBlank = ([name, value]: [string, unknown]): boolean =>
    (value === "" || value === null) && !needed.includes(name) && name in properties && !takes(properties[name], value);
  const entries = Object.entries(args);
  return entries.some(isBlank) ? Object.fromEntries(entries.filter((entry) => !isBlank(entry))) : args;
}

/** Whether a value that is "" or null fits the schema, as far as can be told from it alone. */
function takes(schema: unknown, value: "" | null): boolean {
  if (!isFields(schema)) return schema !== false;
  const { anyOf, oneOf, enum: list, type } = schema;
  const branches: unknown = anyOf ?? oneOf;
  if (Array.isArray(branches)) return branches.some((branch) => takes(branch, value));
  if ("const" in schema) return schema["const"] === value;
  if (Array.isArray(list)) return list.includes(value);
  if (type === undefined) return true;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return value === null
    ? types.includes("null") || schema["nullable"] === true
    : types.includes("string") && isShortEnough(schema);
}

/** Whether a text may be empty. */
function isShortEnough({ minLength, pattern, format }: Fields): boolean {
  if (typeof minLength === "number" && minLength > 0) return false;
  return format === undefined && (typeof pattern !== "string" || matchesEmpty(pattern));
}

function matchesEmpty(pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").test("");
  } catch {
    return true;
  }
}
