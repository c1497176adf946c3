import { ToolDefinition } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createDemoTools } from "../src/tools/demo/demo-tools.ts";
import { createToolRegistry } from "../src/tools/registry.ts";
import { defineTool, type Tool } from "../src/tools/tool.ts";

function toolNamed(name: string, aliases: string[] = []): Tool {
  const input = z.strictObject({});
  return defineTool({
    name,
    aliases,
    description: "A tool.",
    input,
    effect: "read",
    timeoutMs: 1,
    run: async () => "",
  });
}

describe("the registry of tools", () => {
  it("finds a tool by its name and by its aliases, and nothing else", () => {
    const pods = toolNamed("pods", ["list_pods"]);
    const registry = createToolRegistry([pods, toolNamed("logs")]);
    expect(registry.find("pods")).toBe(pods);
    expect(registry.find("list_pods")).toBe(pods);
    expect(registry.find("toString")).toBeUndefined();
  });

  it("refuses two tools that answer to one name", () => {
    expect(() => createToolRegistry([toolNamed("a", ["b"]), toolNamed("b")])).toThrow("Two tools are named b.");
  });

  it("offers the demo tools that change something only when there is a file to change", () => {
    const names = (counterFile: string | undefined): string[] =>
      createDemoTools({ counterFile }).map(({ definition }) => definition.name);
    const changing = ["demo_counter", "demo_change"];
    expect(names(undefined).filter((name) => changing.includes(name))).toEqual([]);
    expect(names("/tmp/x")).toEqual(expect.arrayContaining(changing));
  });

  it("says of each tool that changes something, or says what it touches, that a person may have to agree: the policy decides", () => {
    const definitions = createDemoTools({ counterFile: "/tmp/x" }).map((tool) => tool.definition);
    const looks = defineTool({
      ...{ name: "looks", description: "A tool.", input: z.strictObject({}), effect: "read", timeoutMs: 1_000 },
      access: () => [],
      run: async () => "Seen.",
    });
    const asking = [...definitions, looks.definition].filter(({ approval }) => approval === "required");
    expect(asking.map(({ name }) => name)).toEqual(["demo_counter", "demo_change", "looks"]);
  });

  it("announces what the protocol understands", () => {
    for (const { definition } of createDemoTools({ counterFile: "/tmp/x" })) {
      expect(ToolDefinition.parse(definition)).toEqual(definition);
    }
  });
});
