import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTool, type Tool } from "../src/tools/tool.ts";

const tool: Tool = defineTool({
  name: "list_things",
  description: "Lists things.",
  input: z.strictObject({
    kind: z.enum(["small", "large"]).default("small").describe("Which."),
    limit: z.int().min(1).max(10).default(5).describe("How many."),
    everywhere: z.boolean().default(false).describe("Where."),
    name: z.string().max(5).optional().describe("Whose."),
  }),
  argumentAliases: { max_count: "limit", all: "everywhere", output_format: "" },
  effect: "read",
  timeoutMs: 1_000,
  run: async (input) => JSON.stringify(input),
});

async function answerTo(args: Record<string, unknown>): Promise<string> {
  const prepared = tool.prepare(args);
  if ("problem" in prepared) return prepared.problem;
  const signal = new AbortController().signal;
  return (await prepared.run({ callId: "t-0-0", user: { id: "u" }, signal, progress: () => {} })).text;
}

describe("arguments of a tool", () => {
  it.each([
    ["fills in defaults", {}, { kind: "small", limit: 5, everywhere: false }],
    ["takes numbers and switches as text", { limit: "7", everywhere: "True" }, { limit: 7, everywhere: true }],
    ["takes null for what is left out", { limit: null, name: null }, { limit: 5 }],
    ["takes the names other servers use", { max_count: 3, all: true }, { limit: 3, everywhere: true }],
    ["prefers the proper name over its alias", { max_count: 3, limit: 4 }, { limit: 4 }],
    ["takes and ignores what has no effect", { output_format: "yaml" }, { limit: 5 }],
    ["leaves text alone that a field wants as text", { name: "7" }, { name: "7" }],
  ])("%s", async (_, args, expected) => {
    expect(JSON.parse(await answerTo(args))).toMatchObject(expected);
  });

  it.each([
    ["a value out of range", { limit: 99 }, /^The arguments of list_things are not valid: limit must be 10 or less\.$/],
    ["a name that does not exist", { nmae: "x" }, /nmae/],
    ["a wrong choice, with the right ones", { kind: "huge" }, /kind must be one of small, large\./],
    ["the wrong type", { everywhere: "perhaps" }, /everywhere must be true or false\./],
  ])("says what is wrong with %s", async (_, args, expected) => {
    expect(await answerTo(args)).toMatch(expected);
  });

  it("are announced as JSON Schema without further properties", () => {
    expect(tool.definition.parameters).toEqual({
      type: "object",
      properties: {
        kind: { type: "string", enum: ["small", "large"], default: "small", description: "Which." },
        limit: { type: "integer", minimum: 1, maximum: 10, default: 5, description: "How many." },
        everywhere: { type: "boolean", default: false, description: "Where." },
        name: { type: "string", maxLength: 5, description: "Whose." },
      },
      additionalProperties: false,
    });
  });
});
