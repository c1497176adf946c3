import type { ToolDefinition } from "@parley/protocol";
import type { Tool } from "./tool.ts";

export interface ToolRegistry {
  readonly definitions: readonly ToolDefinition[];
  /** By name or alias. */
  find(name: string): Tool | undefined;
}

/** Throws when two tools answer to the same name: which one runs must not depend on their order. */
export function createToolRegistry(tools: readonly Tool[]): ToolRegistry {
  const byName = new Map<string, Tool>();
  for (const tool of tools) {
    for (const name of [tool.definition.name, ...tool.definition.aliases]) {
      if (byName.has(name)) throw new Error(`Two tools are named ${name}.`);
      byName.set(name, tool);
    }
  }
  return { definitions: tools.map((tool) => tool.definition), find: (name) => byName.get(name) };
}
