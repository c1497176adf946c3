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
 * one of `tools` has stays that one's, and of two of them the first one has it.
 */
export function createToolRegistry(tools: readonly Tool[], others: () => readonly Tool[] = () => []): ToolRegistry {
  const byName = new Map<string, Tool>();
  for (const tool of tools) {
    for (const name of [tool.definition.name, ...tool.definition.aliases]) {
      if (byName.has(name)) throw new Error(`Two tools are named ${name}.`);
      byName.set(name, calledAs(tool, name));
    }
  }
  const own = tools.map((tool) => tool.definition);
  return {
    get definitions() {
      const free = new Map(
        others()
          .map(({ definition }) => [definition.name, definition] as const)
          .toReversed(),
      );
      return [...own, ...[...free.values()].filter(({ name }) => !byName.has(name)).toReversed()];
    },
    find: (name) => byName.get(name) ?? others().find(({ definition }) => definition.name === name),
  };
}

/** What an alias stands for is the tool itself with other arguments: policy, agreement and audit know it by the tool's own name. */
function calledAs(tool: Tool, name: string): Tool {
  const meaning = tool.meanings?.[name];
  return meaning === undefined ? tool : { ...tool, prepare: (args) => tool.prepare(meaning(args)) };
}
