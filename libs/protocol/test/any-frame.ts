import fc from "fast-check";
import { z } from "zod";
import { ServerFrame } from "@parley/protocol";

/** The part of JSON Schema that our schemas become. */
const Schema = z.object({
  type: z.string().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  pattern: z.string().optional(),
});
type Schema = z.infer<typeof Schema>;

const word = fc.oneof(
  fc.constantFrom("c1", "t1", "t2", "t1-0-0", "text", "file_u0123456789abcdefghijk"),
  fc.string({ maxLength: 8 }),
);

/** Any value of a JSON Schema; numbers are whole and small, as cursors and counters are. */
function valueOf(node: unknown): fc.Arbitrary<unknown> {
  const schema = Schema.parse(node);
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return fc.oneof(...options.map(valueOf));
  if ("const" in schema && schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "object":
      return objectOf(schema);
    case "array":
      return fc.array(valueOf(schema.items), { maxLength: 3 });
    case "boolean":
      return fc.boolean();
    case "number":
    case "integer":
      return fc.integer({ min: 1, max: 20 });
    case "string":
      return word.filter((text) => schema.pattern === undefined || new RegExp(schema.pattern, "u").test(text));
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function objectOf({ properties, required = [], additionalProperties }: Schema): fc.Arbitrary<object> {
  if (properties === undefined) return fc.dictionary(word, valueOf(additionalProperties ?? {}), { maxKeys: 2 });
  const fields = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, valueOf(field)]));
  return fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
}

const kinds = Schema.parse(z.toJSONSchema(ServerFrame, { unrepresentable: "any" })).anyOf ?? [];

/** Any frame that a server may send, of every kind alike. */
export const anyFrame: fc.Arbitrary<ServerFrame> = fc
  .oneof(...kinds.flatMap((kind) => Schema.parse(kind).oneOf ?? Schema.parse(kind).anyOf ?? [kind]).map(valueOf))
  .map((value) => ServerFrame.safeParse(value).data)
  .filter((frame) => frame !== undefined);

type Json = ReturnType<typeof JSON.parse>;

/** What may come instead of a frame: one of which a field, however deep, is missing or another one. */
export const brokenFrame: fc.Arbitrary<unknown> = fc
  .tuple(anyFrame, fc.nat(), fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined }))
  .map(([frame, at, value]) => replaced(frame, at, value));

/** The value with its place number `at` replaced; undefined: taken out. */
function replaced(whole: unknown, at: number, value: unknown): unknown {
  const copy: Json = structuredClone(whole);
  const places: (() => void)[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const key of Object.keys(node)) {
      places.push(() => {
        if (value === undefined) Reflect.deleteProperty(node, key);
        else Reflect.set(node, key, value);
      });
      visit(Reflect.get(node, key));
    }
  };
  visit(copy);
  places[at % Math.max(1, places.length)]?.();
  return copy;
}
