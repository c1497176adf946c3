import { problemOf } from "@parley/protocol";
import { expect, test } from "vitest";
import { z } from "zod";

function said(schema: z.ZodType, value: unknown): string {
  const { error } = schema.safeParse(value);
  if (error === undefined) throw new Error("the value was accepted");
  return problemOf(error, value, "the body");
}

const inner = z.object({ list: z.array(z.object({ n: z.number().min(2).max(5) })).min(2) });

test.each([
  [z.object({}), null, "the body must be an object"],
  [z.object({}), [], "the body must be an object"],
  [z.object({ a: z.string() }), {}, "a is missing"],
  [z.object({ a: z.string() }), { a: 1 }, "a must be a text"],
  [z.object({ a: z.coerce.number() }), { a: "abc" }, "a must be a number"],
  [z.object({ a: z.number().int() }), { a: 1.5 }, "a must be a whole number"],
  [z.object({ a: z.record(z.string(), z.string()) }), { a: null }, "a must be an object"],
  [z.object({ a: z.array(z.string()) }), { a: "x" }, "a must be a list"],
  [z.object({ a: z.string().regex(/^x$/) }), { a: "y" }, "a has characters that are not allowed"],
  [z.object({ a: z.literal("x") }), { a: "y" }, "a must be x"],
  [z.object({ a: z.union([z.string(), z.number()]) }), { a: true }, "a has a value that is not allowed"],
  [z.object({ a: z.string().min(2) }), { a: "y" }, "a must have at least 2 characters"],
  [z.strictObject({}), { b: 1, c: 2 }, "the body has a field that is not known: b, c"],
  [z.object({ a: z.string({ error: "must be the name of a day" }) }), { a: 1 }, "a must be the name of a day"],
  [inner, { list: [{ n: 3 }] }, "list must have at least 2 entries"],
  [inner, { list: [{ n: 3 }, { n: 9 }] }, "list.1.n must be 5 or less"],
  [inner, { list: [{ n: 1 }, { n: 9 }] }, "list.0.n must be 2 or more"],
])("a person is told what is wrong: %#", (schema, value, problem) => {
  expect(said(schema, value)).toBe(problem);
});
