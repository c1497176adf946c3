import {
  Client,
  StreamableHTTPClientTransport,
  type AuthProvider,
  type CallToolResult,
  type InputRequiredResult,
  type Tool as ListedTool,
  type Transport,
} from "@modelcontextprotocol/client";
import type { ToolArguments } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { createGuardedFetch } from "./guarded-fetch.ts";
import type { McpServerConfig } from "./mcp-file.ts";
import { createStdioTransport } from "./stdio-transport.ts";

export type { CallToolResult, InputRequiredResult, ListedTool };

export interface SessionOptions {
  readonly server: McpServerConfig;
  /** Who we are to an HTTP server, where its file says no header for that. */
  readonly auth?: AuthProvider | undefined;
  /** The server speaks the protocol of 2025 only: it has ended when it was asked for more. */
  readonly isOld: boolean;
  /** Undefined: nobody wants to hear of that, so no stream is held open for it. */
  readonly onListChanged?: () => void;
  /** The server, of the older protocol, has asked a person something in the middle of a call: the message. It was declined. */
  readonly onDeclined: (message: string) => void;
  readonly log: Logger;
}

export interface SessionCall {
  readonly tool: ListedTool;
  readonly args: ToolArguments;
  /** Answers to what the server asked before, and its own words that belong to them. */
  readonly answers?: { readonly inputResponses: Record<string, unknown>; readonly requestState?: string } | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly onProgress: (text: string) => void;
}

/** A connection that has been made. */
export interface Session {
  /** Whether the server speaks the protocol of 2026-07-28. */
  readonly isModern: boolean;
  readonly serverName: string;
  /** Why it ended, to follow "the server"; never rejects. */
  readonly closed: Promise<string>;
  list(signal: AbortSignal): Promise<ListedTool[]>;
  call(call: SessionCall): Promise<CallToolResult | InputRequiredResult>;
  close(): Promise<void>;
}

const clientInfo = { name: "parley", version: "0.1.0" };
/** A list may come in so many pages. */
const MAX_PAGES = 64;
/** A server that changes its list all the time is asked for it once in so long. */
const LIST_DEBOUNCE_MS = 1_000;

interface Wire {
  readonly transport: Transport;
  reason(): string;
  release(): Promise<void>;
}

/** Connects to a server and agrees on a protocol. Throws when that fails; then nothing of it is left. */
export async function openSession(options: SessionOptions, signal: AbortSignal): Promise<Session> {
  const { server, log } = options;
  const wire = wireTo(options);
  const client = createClient(options);
  const closed = new Promise<string>((resolve) => {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is no event target
    client.onclose = () => resolve(wire.reason());
  });
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is no event target
  client.onerror = (err) => log.debug({ err, server: server.name }, "an MCP connection has trouble");
  const close = async (): Promise<void> => {
    await client.close().catch(() => undefined);
    await wire.release();
  };
  // The library waits for an answer to its first question without looking at a signal.
  const onAbort = (): void => void wire.transport.close().catch(() => undefined);
  signal.addEventListener("abort", onAbort);
  try {
    signal.throwIfAborted();
    const timeout = server.limits.start_ms;
    await client.connect(wire.transport, { signal, timeout, ...(isOldOnly(options) && { prior: { kind: "legacy" } }) });
  } catch (cause) {
    // The process may not have been the client's yet.
    await wire.transport.close().catch(() => undefined);
    await close();
    throw cause;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  return {
    isModern: client.getProtocolEra() === "modern",
    serverName: client.getServerVersion()?.name ?? server.name,
    closed,
    list: (listSignal) => listTools(client, server, listSignal),
    call: (call) => callTool(client, call),
    close,
  };
}

function isOldOnly({ server, isOld }: SessionOptions): boolean {
  return isOld || server.era === "2025";
}

function createClient({ server, onListChanged, onDeclined }: SessionOptions): Client {
  const mode = server.era === "2026-07-28" ? { pin: server.era } : ("auto" as const);
  const client = new Client(clientInfo, {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode, probe: { timeoutMs: Math.ceil(server.limits.start_ms / 2) } },
    inputRequired: { autoFulfill: false },
    ...(onListChanged && {
      listChanged: { tools: { autoRefresh: false, debounceMs: LIST_DEBOUNCE_MS, onChanged: onListChanged } },
    }),
  });
  // The older protocol keeps the call open while a person thinks, for which no worker waits; the newer one ends it and comes again.
  client.setRequestHandler("elicitation/create", ({ params }) => {
    onDeclined(params.message);
    return { action: "decline" };
  });
  return client;
}

function wireTo({ server, auth, log }: SessionOptions): Wire {
  const { command, url, limits } = server;
  if (command !== undefined) {
    const transport = createStdioTransport({ server: { ...server, command }, log });
    return { transport, reason: transport.reason, release: () => transport.close() };
  }
  const guarded = createGuardedFetch({
    privateAddresses: server.private_addresses === true,
    caFile: server.ca_file,
    answerMs: Math.max(limits.call_ms, limits.start_ms),
    messageBytes: limits.message_bytes,
    messagesPerSecond: limits.messages_per_s,
  });
  const transport = new StreamableHTTPClientTransport(new URL(url ?? ""), {
    fetch: guarded.fetch,
    requestInit: { headers: server.headers },
    redirectPolicy: "same-origin",
    ...(auth && { authProvider: auth }),
  });
  return { transport, reason: () => "has closed the connection", release: guarded.close };
}

async function listTools(client: Client, server: McpServerConfig, signal: AbortSignal): Promise<ListedTool[]> {
  if (client.getServerCapabilities()?.tools === undefined) return [];
  const tools: ListedTool[] = [];
  let bytes = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && tools.length < server.limits.tools; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const timeout = server.limits.start_ms;
    const answer = await client.request({ method: "tools/list", params }, { signal, timeout });
    bytes += JSON.stringify(answer.tools).length;
    if (bytes > server.limits.message_bytes) throw new Error("its list of tools is too large");
    tools.push(...answer.tools);
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return tools.slice(0, server.limits.tools);
}

async function callTool(client: Client, call: SessionCall): Promise<CallToolResult | InputRequiredResult> {
  const { tool, args, answers, signal, timeoutMs, onProgress } = call;
  // Without its output schema: compiling somebody else's schema runs code that it chose the shape of, and the model reads text.
  const { outputSchema: _, ...toolDefinition } = tool;
  return client.callTool(
    { name: tool.name, arguments: args, ...answers },
    {
      ...{ signal, toolDefinition, allowInputRequired: true, timeout: timeoutMs, maxTotalTimeout: timeoutMs },
      onprogress: ({ progress, total, message }) => onProgress(progressText(progress, total, message)),
    },
  );
}

function progressText(progress: number, total?: number, message?: string): string {
  const share = total === undefined ? String(progress) : `${progress} of ${total}`;
  return message === undefined || message === "" ? share : `${share}: ${message}`;
}
