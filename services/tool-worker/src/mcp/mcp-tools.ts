import type { AuthProvider } from "@modelcontextprotocol/client";
import type { Logger } from "@parley/runtime";
import type { Tool } from "../tools/tool.ts";
import { createConnection, type Connection } from "./connection.ts";
import type { McpServerConfig } from "./mcp-file.ts";
import { createMcpTool, type ToolServer } from "./mcp-tool.ts";
import type { PersonalServer } from "./oauth.ts";
import { offeredTools } from "./offered-tool.ts";
import { createPersonalServer } from "./personal-server.ts";
import type { ListedTool } from "./session.ts";
import type { TokenStore } from "./token-store.ts";

export interface McpToolsOptions {
  readonly servers: readonly McpServerConfig[];
  /** Who we are to a server, where it wants a token that changes. */
  readonly authOf?: (server: McpServerConfig) => AuthProvider | undefined;
  /** Where each user has an account of their own. */
  readonly personal?: { readonly store: TokenStore; readonly publicUrl: string | undefined } | undefined;
  /** Tools were added, changed or taken away. */
  readonly onChange: () => void;
  readonly log: Logger;
}

/**
 * The tools of all servers, as they are by now. A server that is not there yet adds its tools when it is; one that was lost keeps them, and each call says that it is away. Those at
 * which each user has an account are in no list but the operator's, and connected to when somebody calls one of their tools.
 */
export function openMcpTools({ servers, authOf, personal, onChange, log }: McpToolsOptions) {
  const offers = new Map<string, readonly Tool[]>();
  const connections = servers.filter(isShared).map((server) => {
    const connection: Connection = createConnection({
      ...{ server, auth: authOf?.(server), log },
      onChange: () => {
        offers.set(server.name, toolsOf(connection, connection.tools(), log));
        onChange();
      },
    });
    return connection;
  });
  const accounts = servers.filter(isPersonal).map((server) => {
    if (personal === undefined) throw new TypeError(`There is no place for the accounts of ${server.name}.`);
    const opened = createPersonalServer({ server, ...personal, log });
    offers.set(server.name, toolsOf(opened.toolServer, opened.listed, log));
    return opened;
  });
  return {
    tools: (): readonly Tool[] => [...offers.values()].flat(),
    /** Sentences, of the servers that are not there. */
    problems: (): string[] => connections.flatMap((connection) => connection.problem() ?? []),
    close: async (): Promise<void> => {
      await Promise.all([...connections, ...accounts].map((one) => one.close()));
    },
  };
}

function isPersonal(server: McpServerConfig): server is PersonalServer {
  return server.personal !== undefined && server.url !== undefined;
}

function isShared(server: McpServerConfig): boolean {
  return !isPersonal(server);
}

function toolsOf(connection: ToolServer, all: readonly ListedTool[], log: Logger): Tool[] {
  const { name, tools: wanted, without } = connection.server;
  const listed = all.filter(
    (tool) => (wanted === undefined || wanted.includes(tool.name)) && !without.includes(tool.name),
  );
  const { tools, twice } = offeredTools(name, listed);
  if (twice.length > 0)
    log.warn({ server: name, tools: twice }, "an MCP server has several tools of one name: the first counts");
  return tools.map((tool) => createMcpTool(connection, tool));
}
