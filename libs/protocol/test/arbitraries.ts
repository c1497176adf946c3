import fc from "fast-check";
import { z } from "zod";
import { errorTable } from "@parley/protocol";

const text = fc.string({ unit: "binary", maxLength: 20 });
// Written and read once, so that it is what JSON can say (no -0). `__proto__` is left out: zod drops that key, on purpose.
const json = fc
  .jsonValue()
  .map((value) => JSON.stringify(value).replaceAll("__proto__", "proto"))
  .map((written): unknown => JSON.parse(written));

/** Values of a schema of this library, taken from the schema itself so that a new field is covered on the day it is added. */
export function arbitraryOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodObject) return arbitraryObject(schema);
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map(arbitraryOf));
  if (schema instanceof z.ZodArray) return fc.array(arbitraryOf(schema.element), { maxLength: 3 });
  if (schema instanceof z.ZodNullable) return fc.option(arbitraryOf(schema.unwrap()));
  if (schema instanceof z.ZodDefault) return arbitraryOf(schema.unwrap());
  return arbitraryLeaf(schema);
}

function arbitraryLeaf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(
      text.filter((key) => key !== "__proto__" && z.safeParse(schema.keyType, key).success),
      schema.valueType instanceof z.ZodUnknown ? json : arbitraryOf(schema.valueType),
    );
  if (schema instanceof z.ZodString) return arbitraryString(schema);
  if (schema instanceof z.ZodNumber) return arbitraryNumber(schema);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodUnknown) return json;
  // The only custom schema is the error code.
  if (schema instanceof z.ZodCustom) return fc.constantFrom(...Object.keys(errorTable));
  throw new Error(`no arbitrary for a schema of type ${schema._zod.def.type}`);
}

function arbitraryObject(schema: z.ZodObject): fc.Arbitrary<unknown> {
  const fields = Object.entries(schema.shape).map(([key, field]) => ({
    key,
    required: !(field instanceof z.ZodOptional),
    value: arbitraryOf(field instanceof z.ZodOptional ? field.unwrap() : field),
  }));
  return fc.record(Object.fromEntries(fields.map(({ key, value }) => [key, value])), {
    requiredKeys: fields.filter(({ required }) => required).map(({ key }) => key),
    noNullPrototype: true,
  });
}

function arbitraryString(schema: z.ZodString): fc.Arbitrary<string> {
  const { pattern } = z.toJSONSchema(schema);
  if (pattern !== undefined)
    return fc.stringMatching(new RegExp(pattern)).filter((value) => schema.safeParse(value).success);
  // Those that it takes as they are: some trim what they read.
  return text.filter((value) => schema.safeParse(value).data === value);
}

function arbitraryNumber(schema: z.ZodNumber): fc.Arbitrary<number> {
  const min = schema.minValue ?? 0;
  if (schema.format === "safeint") return fc.maxSafeInteger().map((value) => Math.max(min + 1, value));
  return fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
}
