import type { z } from "zod";
import { nestedValue, oddValue } from "./odd-values.ts";
import type { Random } from "./random.ts";

type Schema = z.core.JSONSchema.BaseSchema;

/** What a text is where its pattern does not matter. */
const words: readonly string[] = ["hello", "list the pods", "what is the weather", "grüße 😀", "c_1", "general"];

/** Names of our own in place of patterns: ids, mostly of what does not exist. */
function idLike(random: Random): string {
  return random.pick(["c_fuzz", "c_fuzz_2", "turn_1", "t-1-0", "x".repeat(60), `c_${random.below(1_000)}`]);
}

/** Where all may stand, odd values are no mutation: nobody but the part behind the schema can refuse them. */
function anything(random: Random): unknown {
  if (random.chance(25)) return nestedValue(random);
  return random.chance(50) ? oddValue(random) : random.pick<unknown>([null, 1, "x", { a: [1] }]);
}

/** A value that a schema allows, more or less: limits of length are kept, patterns are taken for those of ids. */
export function sampleOf(schema: Schema | boolean | undefined, random: Random): unknown {
  if (schema === undefined || typeof schema === "boolean") return anything(random);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return random.pick(schema.enum);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return sampleOf(random.pick(choices), random);
  return ofType(schema, typeOf(schema, random), random);
}

function typeOf({ type }: Schema, random: Random): string {
  if (Array.isArray(type)) return String(random.pick<unknown>(type));
  return type ?? "object";
}

function ofType(schema: Schema, type: string, random: Random): unknown {
  switch (type) {
    case "string":
      return schema.pattern === undefined ? random.pick(words).slice(0, schema.maxLength) : idLike(random);
    case "integer":
    case "number":
      return Math.min(schema.maximum ?? 1_000, (schema.minimum ?? 0) + random.below(50));
    case "boolean":
      return random.chance(50);
    case "null":
      return null;
    case "array":
      return [sampleOf(schemaOf(schema.items), random)];
    default:
      return objectOf(schema, random);
  }
}

function schemaOf(items: Schema["items"]): Schema | boolean | undefined {
  return Array.isArray(items) ? items[0] : items;
}

function objectOf({ properties = {}, required = [], additionalProperties }: Schema, random: Random): object {
  const fields = Object.entries(properties).filter(([name]) => required.includes(name) || random.chance(40));
  const known = fields.map(([name, field]) => [name, sampleOf(field, random)] as const);
  const more = additionalProperties === undefined ? [] : [["note", anything(random)] as const];
  return Object.fromEntries([...known, ...more]);
}
