import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a schema says about one setting. */
export interface Field {
  readonly name: string;
  /** In words: `whole number`, `text`, `one of json, pretty`. */
  readonly type: string;
  /** What holds when it is not set. `needed`: the process does not start; undefined: it is simply absent. */
  readonly whenUnset:
    | { readonly kind: "needed" }
    | { readonly kind: "absent" }
    | { readonly kind: "default"; readonly value: string };
  readonly meaning: string;
  readonly isSecret: boolean;
}

export function fieldsOf(schema: z.ZodObject): Field[] {
  return Object.entries(schema.shape).map(([name, field]) => fieldOf(name, field));
}

function fieldOf(name: string, field: unknown): Field {
  const layers = layersOf(field);
  const core = layers.at(-1);
  const metas = layers.map((layer) => layer.meta());
  return {
    name,
    type: core === undefined ? "text" : typeOf(core),
    whenUnset: whenUnset(field),
    meaning: metas.find((meta) => meta?.description !== undefined)?.description ?? "",
    isSecret: metas.some((meta) => meta?.["secret"] === true),
  };
}

/** The schema and what it is wrapped around, outermost first: defaults, options and transformations say nothing of the type. */
function layersOf(field: unknown): z.ZodType[] {
  if (!(field instanceof z.ZodType)) return [];
  if (field instanceof z.ZodDefault || field instanceof z.ZodOptional) return [field, ...layersOf(field.unwrap())];
  // A switch is a pipe from text to a boolean, a number one from its digits: what it ends in is its type. Other pipes are text that is taken apart.
  if (field instanceof z.ZodPipe) return [field, ...layersOf(endsInType(field) ? field.out : field.in)];
  return [field];
}

function endsInType({ out }: z.ZodPipe): boolean {
  return out instanceof z.ZodBoolean || out instanceof z.ZodNumber;
}

function typeOf(core: z.ZodType): string {
  if (core instanceof z.ZodBoolean) return "switch (1 or 0)";
  if (core instanceof z.ZodEnum) return `one of ${core.options.map(String).join(", ")}`;
  if (core instanceof z.ZodNumber) return numberType(core);
  return "text";
}

function numberType(core: z.ZodNumber): string {
  const name = core.format === "safeint" ? "whole number" : "number";
  const { minValue, maxValue } = core;
  const isBounded = maxValue !== null && maxValue < 2 ** 31 - 1;
  if (minValue !== null && minValue > Number.MIN_SAFE_INTEGER) {
    return isBounded ? `${name}, ${minValue} to ${maxValue}` : `${name}, from ${minValue}`;
  }
  return isBounded ? `${name}, to ${maxValue}` : name;
}

function whenUnset(field: unknown): Field["whenUnset"] {
  if (!(field instanceof z.ZodType)) return { kind: "absent" };
  const parsed = field.safeParse(undefined);
  if (!parsed.success) return { kind: "needed" };
  if (parsed.data === undefined) return { kind: "absent" };
  return { kind: "default", value: shown(parsed.data) };
}

/** A value as one would write it into an environment; folders of this checkout from its root. */
export function shown(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "boolean") return value ? "1" : "0";
  if (Array.isArray(value)) return value.map(shown).join(",");
  if (typeof value !== "string") return JSON.stringify(value);
  return value.startsWith(root) ? path.relative(root, value) : value;
}
