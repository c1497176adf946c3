import { SdkError, SdkErrorCode, type AuthProvider } from "@modelcontextprotocol/client";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { ToolError } from "../tools/tool.ts";
import type { McpServerConfig } from "./mcp-file.ts";
import {
  openSession,
  type CallToolResult,
  type InputRequiredResult,
  type ListedTool,
  type Session,
  type SessionCall,
} from "./session.ts";

/**
 *     starting ─▶ ready ─▶ away ─▶ starting …      the server has ended, or does not answer: it is tried again after a growing wait
 *         └────────┴────────┴────▶ stopped         this worker closes
 */
export type ConnectionState = "starting" | "ready" | "away" | "stopped";

export interface ConnectionOptions {
  readonly server: McpServerConfig;
  readonly auth?: AuthProvider | undefined;
  /** What the server offers has changed. */
  readonly onChange: () => void;
  readonly log: Logger;
}

export interface CallAnswer {
  readonly result: CallToolResult | InputRequiredResult;
  /** What the server asked of people meanwhile, which was declined. */
  readonly declined: readonly string[];
  readonly isModern: boolean;
}

export type Connection = ReturnType<typeof createConnection>;

/** The call was not sent: the sentence is for the model and for people. */
export class NotSentError extends ToolError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NotSentError";
  }
}

const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;
/** A server that has worked for so long begins with short waits again. */
const STEADY_MS = 60_000;
/** How often a server is asked for its list although it does not say that it has changed: also to see whether it is there. */
const LIST_EVERY_MS = 60_000;
/** So many calls in a row without an answer, and the server is started anew. */
const MAX_UNANSWERED = 3;

/** One server: connected for as long as this process runs, and again when it was lost. */
export function createConnection({ server, auth, onChange, log }: ConnectionOptions) {
  const closing = new AbortController();
  let state: ConnectionState = "starting";
  let tools: readonly ListedTool[] = [];
  let session: Session | undefined;
  let isOld = false;
  let running = 0;
  let unanswered = 0;
  const listeners = new Set<(message: string) => void>();
  let trouble = "has not answered yet";

  const take = (listed: readonly ListedTool[]): void => {
    if (JSON.stringify(listed) === JSON.stringify(tools)) return;
    tools = listed;
    onChange();
  };

  /** From the connection's beginning to its end; returns why it ended. */
  const live = async (): Promise<string> => {
    let wake = (): void => {};
    const events = {
      onListChanged: () => wake(),
      onDeclined: (message: string) => listeners.forEach((listener) => listener(message)),
    };
    const opened = await openSession({ server, auth, isOld, log, ...events }, closing.signal).catch(
      (error: unknown) => {
        isOld = !isOld && endedWhenAsked(error);
        throw error;
      },
    );
    const ended: { why?: string } = {};
    const end = opened.closed.then((why) => void (ended.why = why));
    try {
      take(await opened.list(closing.signal));
      session = opened;
      state = "ready";
      unanswered = 0;
      const { isModern } = opened;
      log.info(
        { server: server.name, era: isModern ? "2026-07-28" : "2025", tools: tools.length },
        "an MCP server is there",
      );
      while (ended.why === undefined && !closing.signal.aborted) {
        const looking = new AbortController();
        wake = () => looking.abort();
        void end.then(wake);
        await sleep(LIST_EVERY_MS, AbortSignal.any([looking.signal, closing.signal]));
        if (ended.why === undefined && !closing.signal.aborted) take(await opened.list(closing.signal));
      }
      return ended.why ?? "was stopped";
    } finally {
      session = undefined;
      await opened.close();
    }
  };

  const keep = async (): Promise<void> => {
    const backoff = createBackoff({ minMs: MIN_WAIT_MS, maxMs: MAX_WAIT_MS });
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      state = "starting";
      const why = await live().catch((error: unknown) => `cannot be used: ${messageOf(error)}`);
      if (closing.signal.aborted) break;
      state = "away";
      trouble = why;
      if (performance.now() - startedAt > STEADY_MS) backoff.reset();
      const waitMs = backoff.nextMs();
      log.warn({ server: server.name, why, wait_ms: waitMs }, "an MCP server is away: it is tried again");
      await sleep(waitMs, closing.signal);
    }
    state = "stopped";
  };
  const kept = keep();

  return {
    server,
    state: (): ConnectionState => state,
    /** What it offered when it was last asked; it may be away by now. */
    tools: () => tools,
    /** Why it is away, as a sentence; undefined: it is there. */
    problem: () => (state === "ready" ? undefined : `The MCP server ${server.name} ${trouble}.`),

    /** Throws NotSentError when the server got nothing of it; what else is thrown came of the server or its connection. */
    async call(call: SessionCall): Promise<CallAnswer> {
      const used = session;
      if (used === undefined) throw new NotSentError(awaySentence(server.name, state));
      if (running >= server.limits.calls)
        throw new NotSentError(`Not run: the MCP server ${server.name} has ${running} calls to answer already.`);
      running++;
      const declined: string[] = [];
      const listener = (message: string): void => void declined.push(message);
      listeners.add(listener);
      const startedAt = performance.now();
      try {
        const result = await used.call(call);
        unanswered = 0;
        return { result, declined, isModern: used.isModern };
      } catch (error) {
        const hadItsTime = call.signal.aborted && performance.now() - startedAt > call.timeoutMs * 0.9;
        if (hadItsTime && ++unanswered >= MAX_UNANSWERED) void used.close();
        throw error;
      } finally {
        listeners.delete(listener);
        running--;
      }
    },

    async close(): Promise<void> {
      closing.abort();
      await session?.close();
      await kept;
    },
  };
}

/** A process of the older protocol may end when it is asked for the newer one. */
function endedWhenAsked(error: unknown): boolean {
  return error instanceof SdkError && error.code === SdkErrorCode.EraNegotiationFailed;
}

function awaySentence(name: string, state: ConnectionState): string {
  const what = state === "starting" ? "is being started" : "is away";
  return `Not run: the MCP server ${name} ${what}. Try again in a minute, or go on without it.`;
}

/** The first line of an error and of what caused it, without addresses of code. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "it failed";
  const [line = ""] = error.message.split("\n");
  const cause = error.cause instanceof Error ? messageOf(error.cause) : "";
  return (line.includes(cause) ? line : `${line} (${cause})`).slice(0, 500);
}
