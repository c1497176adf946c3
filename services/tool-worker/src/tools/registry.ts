import type { ToolDefinition } from "@parley/protocol";
import type { Tool } from "./tool.ts";

export interface ToolRegistry {
  /** As they are now. */
  readonly definitions: readonly ToolDefinition[];
  /** By name or alias. */
  find(name: string): Tool | undefined;
}

/**
 * Throws when two tools answer to the same name: which one runs must not depend on their order. `others`: those that come and go while the process runs; a name that
 * one of `tools` has stays that one's.
 */
export function createToolRegistry(tools: readonly Tool[], others: () => readonly Tool[] = () => []): ToolRegistry {
  const byName = new Map<string, Tool>();
  for (const tool of tools) {
    for (const name of [tool.definition.name, ...tool.definition.aliases]) {
      if (byName.has(name)) throw new Error(`Two tools are named ${name}.`);
      byName.set(name, tool);
    }
  }
  const own = tools.map((tool) => tool.definition);
  return {
    get definitions() {
      const free = others().filter(({ definition }) => !byName.has(definition.name));
      return [...own, ...free.map((tool) => tool.definition)];
    },
    find: (name) => byName.get(name) ?? others().find(({ definition }) => definition.name === name),
  };
}
