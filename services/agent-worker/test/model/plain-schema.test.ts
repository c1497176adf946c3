import { expect, test } from "vitest";
import { plainTool } from "../../src/model/plain-schema.ts";

const plain = (parameters: Record<string, unknown>) =>
  plainTool({ type: "function", function: { name: "look", description: "Looks.", parameters } }).function.parameters;

test("a plain schema has types, descriptions, properties, what is required, and the values of texts", () => {
  expect(
    plain({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      additionalProperties: false,
      required: ["name"],
      properties: {
        name: { type: "string", description: "Whose.", pattern: "^a", maxLength: 9, default: "a", examples: ["a"] },
        kind: { enum: ["x", "y"], title: "Kind" },
        // A property may have any name.
        maxLength: { type: ["null", "integer"], exclusiveMinimum: 0 },
        list: { type: "array", minItems: 1, items: { type: "object", patternProperties: {} } },
        level: { type: "integer", enum: [1, 2] },
      },
    }),
  ).toEqual({
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string", description: "Whose." },
      kind: { enum: ["x", "y"] },
      maxLength: { type: "integer" },
      list: { type: "array", items: { type: "object" } },
      level: { type: "integer" },
    },
  });
});

test("of several schemas it has the first that is not null", () => {
  expect(plain({ description: "When.", anyOf: [{ type: "null" }, { type: "string", format: "date" }] })).toEqual({
    description: "When.",
    type: "string",
  });
  expect(plain({ oneOf: [{ const: "a" }, { type: "integer" }] })).toEqual({ enum: ["a"] });
});

test("a schema that has itself within it has an end", () => {
  const schema: Record<string, unknown> = { type: "array" };
  schema["items"] = schema;
  expect(JSON.stringify(plain(schema)).length).toBeLessThan(2_000);
});

test("a tool without a schema stays as it is", () => {
  const tool = { type: "function" as const, function: { name: "look" } };
  expect(plainTool(tool)).toBe(tool);
});
