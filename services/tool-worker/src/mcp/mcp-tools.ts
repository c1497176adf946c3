import type { AuthProvider } from "@modelcontextprotocol/client";
import type { Logger } from "@parley/runtime";
import type { Tool } from "../tools/tool.ts";
import { createConnection, type Connection } from "./connection.ts";
import type { McpServerConfig } from "./mcp-file.ts";
import { createMcpTool } from "./mcp-tool.ts";
import { offeredTools } from "./offered-tool.ts";

export interface McpToolsOptions {
  readonly servers: readonly McpServerConfig[];
  /** Who we are to a server, where it wants a token that changes. */
  readonly authOf?: (server: McpServerConfig) => AuthProvider | undefined;
  /** Tools were added, changed or taken away. */
  readonly onChange: () => void;
  readonly log: Logger;
}

/** The tools of all servers, as they are by now. A server that is not there yet adds its tools when it is; one that was lost keeps them, and each call says that it is away. */
export function openMcpTools({ servers, authOf, onChange, log }: McpToolsOptions) {
  const offers = new Map<string, readonly Tool[]>();
  const connections = servers.map((server) => {
    const connection: Connection = createConnection({
      ...{ server, auth: authOf?.(server), log },
      onChange: () => {
        offers.set(server.name, toolsOf(connection, log));
        onChange();
      },
    });
    return connection;
  });
  return {
    tools: (): readonly Tool[] => [...offers.values()].flat(),
    /** Sentences, of the servers that are not there. */
    problems: (): string[] => connections.flatMap((connection) => connection.problem() ?? []),
    close: async (): Promise<void> => {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

function toolsOf(connection: Connection, log: Logger): Tool[] {
  const { server } = connection;
  const { name, tools: wanted, without } = server;
  const listed = connection
    .tools()
    .filter((tool) => (wanted === undefined || wanted.includes(tool.name)) && !without.includes(tool.name));
  const { tools, twice } = offeredTools(name, listed);
  if (twice.length > 0)
    log.warn({ server: name, tools: twice }, "an MCP server has several tools of one name: the first counts");
  return tools.map((tool) => createMcpTool(connection, tool));
}
