import { expect, test } from "vitest";
import { withoutBlanks } from "../src/optional-arguments.ts";

const text = { type: "string" };

test.each<[string, unknown, boolean]>([
  ["a text of at least one character", { ...text, minLength: 1 }, false],
  ["one of a list", { ...text, enum: ["asc", "desc"] }, false],
  ["a pattern", { ...text, pattern: "^[a-z]+$" }, false],
  ["a format", { ...text, format: "date-time" }, false],
  ["a number", { type: "integer" }, false],
  ["a flag", { type: "boolean" }, false],
  ["an object", { type: "object" }, false],
  ["a number or null", { type: ["number", "null"] }, false],
  ["a number or one of a list", { anyOf: [{ type: "number" }, { enum: ["all"] }] }, false],
  ["any text", text, true],
  ["a list that has it", { ...text, enum: ["", "all"] }, true],
  ["a pattern that takes it", { ...text, pattern: "^[a-z]*$" }, true],
  ["a pattern that nobody can read", { ...text, pattern: "(" }, true],
  ["a number or any text", { anyOf: [{ type: "number" }, text] }, true],
  ["anything", {}, true],
  ["what another schema says", { $ref: "#/$defs/name" }, true],
])('"" for %s that is optional stays only if the tool takes it', (_name, schema, stays) => {
  const parameters = { type: "object" as const, properties: { one: schema, other: text } };
  const args = { one: "", other: "x" };
  expect(withoutBlanks(args, parameters)).toEqual(stays ? args : { other: "x" });
  // The tool itself says what is wrong with a required one.
  expect(withoutBlanks(args, { ...parameters, required: ["one"] })).toEqual(args);
});

test.each<[string, unknown, boolean]>([
  ["any text", text, false],
  ["a text or null", { type: ["string", "null"] }, true],
  ["null or a number", { anyOf: [{ type: "null" }, { type: "number" }] }, true],
  ["a nullable text", { ...text, nullable: true }, true],
])("null for %s that is optional stays only if the tool takes it", (_name, schema, stays) => {
  const args = { one: null };
  expect(withoutBlanks(args, { type: "object", properties: { one: schema } })).toEqual(stays ? args : {});
});

test("what the schema does not know, or has no properties at all, stays", () => {
  expect(withoutBlanks({ one: "" }, { type: "object", properties: {} })).toEqual({ one: "" });
  expect(withoutBlanks({ one: "" }, { type: "object" })).toEqual({ one: "" });
});
