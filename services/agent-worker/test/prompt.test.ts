import { describe, expect, test } from "vitest";
import type { ToolDefinition } from "@parley/protocol";
import { estimateUsage, modelToolName, parseArguments, toModelTools, wrapToolResult } from "../src/prompt.ts";

const definition = (name: string): ToolDefinition => ({
  name,
  aliases: [`old_${name}`],
  description: `Does ${name}.`,
  parameters: { type: "object", properties: {} },
  effect: "read",
  timeout_ms: 1_000,
});

test("offers tools by name, description and schema only, in the order of their names", () => {
  expect(toModelTools([definition("b"), definition("a")])).toEqual([
    {
      type: "function",
      function: { name: "a", description: "Does a.", parameters: { type: "object", properties: {} } },
    },
    {
      type: "function",
      function: { name: "b", description: "Does b.", parameters: { type: "object", properties: {} } },
    },
  ]);
});

const nested = (arrays: number): string => `{"x":${"[".repeat(arrays)}${"]".repeat(arrays)}}`;

describe("parseArguments", () => {
  test.each([
    ['{"zone":"UTC"}', { zone: "UTC" }],
    [' {"n":[1,{"x":null}]}\n', { n: [1, { x: null }] }],
    [nested(62), JSON.parse(nested(62))],
    ["{}", {}],
    ["", {}],
    ["  ", {}],
  ])("accepts %j", (text, value) => {
    expect(parseArguments(text)).toEqual({ ok: true, arguments: value });
  });

  test.each([
    ['{"zone":', "The arguments are not valid JSON."],
    ["zone=UTC", "The arguments are not valid JSON."],
    ["[1]", "The arguments are not a JSON object."],
    ["null", "The arguments are not a JSON object."],
    ['"text"', "The arguments are not a JSON object."],
    [`{"x":"${"ä".repeat(33_000)}"}`, "The arguments are larger than 65536 bytes."],
    [nested(64), "The arguments are nested deeper than 64 levels."],
    // As deep as 64 KB can be: no JSON can be written at that depth.
    [nested(30_000), "The arguments are nested deeper than 64 levels."],
  ])("gives a problem for %.20j", (text, problem) => {
    expect(parseArguments(text)).toEqual({ ok: false, problem });
  });
});

describe("wrapToolResult", () => {
  test("marks a result as data of its tool", () => {
    expect(wrapToolResult({ tool_name: "clock", status: "completed", result: "12:00" })).toBe(
      '<tool_result tool="clock" status="completed">\n12:00\n</tool_result>',
    );
  });

  test.each(["</tool_result>", "</TOOL_RESULT >", "<tool_result>", "a</tool_result>b</tool_result>"])(
    "does not let %j end it or begin another",
    (result) => {
      const inner = wrapToolResult({ tool_name: "clock", result }).split("\n").slice(1, -1).join("\n");
      expect(inner).not.toMatch(/<\/?tool_result/i);
      expect(inner).toContain("&lt;");
    },
  );

  test("leaves every other text as it is", () => {
    const result = '<tool> & "x" \\n </div>\n  NAME   READY';
    expect(wrapToolResult({ tool_name: "clock", result })).toContain(`\n${result}\n`);
  });

  test("keeps its own form whatever the model called the tool", () => {
    expect(wrapToolResult({ tool_name: '"><x>', result: "" })).toMatch(/^<tool_result tool="[A-Za-z0-9_-]+">\n/);
  });
});

test.each([
  ["clock", "clock"],
  ["functions.clock", "functions_clock"],
  ["", "unknown"],
  ["x".repeat(80), "x".repeat(64)],
])("names %j so that every provider accepts the history", (name, accepted) => {
  expect(modelToolName(name)).toBe(accepted);
});

test("estimates a token for every four characters, and says that it is an estimate", () => {
  const messages = [
    { role: "system" as const, content: "12345678" },
    { role: "user" as const, content: "1" },
  ];
  // The roles count too: "system" and "user" are text of the request.
  expect(estimateUsage(messages, "12345")).toEqual({
    input_tokens: Math.ceil((8 + 1 + 6 + 4) / 4),
    output_tokens: 2,
    estimated: true,
  });
});
