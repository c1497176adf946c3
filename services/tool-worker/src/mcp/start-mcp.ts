import type { Logger } from "@parley/runtime";
import type { Tool } from "../tools/tool.ts";
import type { McpServerConfig } from "./mcp-file.ts";

export interface McpOptions {
  readonly servers: readonly McpServerConfig[];
  readonly log: Logger;
}

export interface Mcp {
  /** As they are by now. */
  tools(): readonly Tool[];
  /** Sentences, of the servers that are not there. */
  problems(): string[];
  onChange(listener: () => void): void;
  close(): Promise<void>;
}

/** Starts the servers, without waiting for any: a server that is slow or away keeps no other tool from being offered. */
export async function startMcp({ servers, log }: McpOptions): Promise<Mcp> {
  const listeners: (() => void)[] = [];
  const onChange = (): void => listeners.forEach((listener) => listener());
  const none = { tools: () => [], problems: () => [], close: () => Promise.resolve() };
  // Only now: the client takes a third of the time in which a worker without one starts.
  const opened =
    servers.length === 0 ? none : (await import("./mcp-tools.ts")).openMcpTools({ servers, onChange, log });
  return { ...opened, onChange: (listener) => void listeners.push(listener) };
}
