import { connectionTokens, openSealedTokens, type Bus } from "@parley/bus";
import { StartError, type Lifecycle, type Logger } from "@parley/runtime";
import type { Tool } from "../tools/tool.ts";
import { noTokenKey, type McpServerConfig } from "./mcp-file.ts";

export interface McpOptions {
  readonly servers: readonly McpServerConfig[];
  readonly bus: Pick<Bus, "nc">;
  readonly config: {
    readonly MCP_TOKEN_KEY?: string | undefined;
    readonly PUBLIC_URL?: string | undefined;
    readonly STREAM_REPLICAS: number;
  };
  readonly log: Logger;
  readonly life: Lifecycle;
}

export interface Mcp {
  /** As they are by now. */
  tools(): readonly Tool[];
  /** Sentences, of the servers that are not there. */
  problems(): string[];
  onChange(listener: () => void): void;
}

/** Starts the servers, without waiting for any: a server that is slow or away keeps no other tool from being offered. */
export async function startMcp(options: McpOptions): Promise<Mcp> {
  const listeners: (() => void)[] = [];
  const onChange = (): void => listeners.forEach((listener) => listener());
  const none = { tools: () => [], problems: () => [], close: () => Promise.resolve() };
  const opened = options.servers.length === 0 ? none : await openAll(options, onChange);
  const { tools, problems, close } = opened;
  options.life.use("the MCP servers", close);
  return { tools, problems, onChange: (listener) => void listeners.push(listener) };
}

async function openAll({ servers, bus, config, log }: Omit<McpOptions, "life">, onChange: () => void) {
  // Only now: the client takes a third of the time in which a worker without one starts.
  const { openMcpTools } = await import("./mcp-tools.ts");
  const [hasOwn, hasPersonal] = [servers.some(({ oauth }) => oauth), servers.some(({ personal }) => personal)];
  if (!hasOwn && !hasPersonal) return openMcpTools({ servers, onChange, log });
  const { createOAuth } = await import("./oauth.ts");
  const { createTokenStore } = await import("./token-store.ts");
  if (config.MCP_TOKEN_KEY === undefined) throw new StartError(noTokenKey);
  const key = Buffer.from(config.MCP_TOKEN_KEY, "base64");
  const { STREAM_REPLICAS: replicas, PUBLIC_URL: publicUrl } = config;
  const store = hasOwn ? createTokenStore({ records: await openSealedTokens(bus, { replicas }), key }) : undefined;
  const records = hasPersonal ? await openSealedTokens(bus, { replicas, place: connectionTokens }) : undefined;
  const authOf = ({ oauth, ...server }: McpServerConfig) => oauth && store && createOAuth({ ...server, oauth }, store);
  const personal = records && { store: createTokenStore({ records, key }), publicUrl };
  return openMcpTools({ servers, authOf, personal, onChange, log });
}
