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

/** Of what a server asks in the middle of a call, so much is told. */
const mostDeclined = 3;
const maxDeclinedChars = 2_000;

/** The calls of one session: no more at once than the server may have. */
export function createCalls(server: McpServerConfig) {
  const listeners = new Set<(message: string) => void>();
  let running = 0;
  let unanswered = 0;

  return {
    /** The server has asked a person something: which call it belongs to it does not say. */
    declined(message: string): void {
      // With calls of several people it may be about somebody else's.
      const said = listeners.size === 1 ? message.slice(0, maxDeclinedChars) : "something, of one of several calls";
      for (const listener of listeners) listener(said);
    },
    begin(): void {
      unanswered = 0;
    },

    async run(session: Session, call: SessionCall): Promise<CallAnswer> {
      if (running >= server.limits.calls)
        throw new NotSentError(`Not run: the MCP server ${server.name} has ${running} calls to answer already.`);
      running++;
      const declined: string[] = [];
      const listener = (message: string): void => void (declined.length < mostDeclined && declined.push(message));
      listeners.add(listener);
      const startedAt = performance.now();
      try {
        const result = await session.call(call);
        unanswered = 0;
        return { result, declined, isModern: session.isModern };
      } catch (error) {
        // Cancelled by people it may be fine; out of time again and again it hangs.
        const hadItsTime = call.signal.aborted && performance.now() - startedAt > server.limits.call_ms * 0.9;
        if (hadItsTime && ++unanswered >= MAX_UNANSWERED) void session.close();
        throw error;
      } finally {
        listeners.delete(listener);
        running--;
      }
    },
  };
}

interface Keeping extends ConnectionOptions {
  readonly calls: ReturnType<typeof createCalls>;
  readonly signal: AbortSignal;
  readonly take: (listed: readonly ListedTool[]) => void;
  /** There it is; undefined: it is not any more. */
  readonly hold: (session: Session | undefined) => void;
}

/** From a session's beginning to its end; returns why it ended. */
async function live({ calls, signal, take, hold, server, log }: Keeping, opened: Session, news: News): Promise<string> {
  const ended: { why?: string } = {};
  void opened.closed.then((why) => {
    ended.why = why;
    news.wake();
  });
  try {
    const listed = await opened.list(signal);
    calls.begin();
    hold(opened);
    take(listed);
    log.info({ server: server.name, era: opened.isModern ? "2026-07-28" : "2025" }, "an MCP server is there");
    while (ended.why === undefined && !signal.aborted) {
      const looking = new AbortController();
      news.wake = () => looking.abort();
      if (!news.isChanged) await sleep(LIST_EVERY_MS, AbortSignal.any([looking.signal, signal]));
      news.isChanged = false;
      if (ended.why === undefined && !signal.aborted) take(await opened.list(signal));
    }
    return ended.why ?? "was stopped";
  } finally {
    hold(undefined);
    await opened.close();
  }
}

/** What a session has said since it was last looked at. */
interface News {
  isChanged: boolean;
  /** Ends the wait for it. */
  wake: () => void;
}

/** Connects, and again when the server was lost, until the signal is aborted. `onAway` gets why. */
async function keep(keeping: Keeping, onAway: (why: string) => void): Promise<void> {
  const { server, auth, log, signal, calls } = keeping;
  const backoff = createBackoff({ minMs: MIN_WAIT_MS, maxMs: MAX_WAIT_MS });
  let isOld = false;
  const attempt = async (): Promise<string> => {
    const news: News = { isChanged: false, wake: () => {} };
    const onListChanged = (): void => {
      news.isChanged = true;
      news.wake();
    };
    const events = { onListChanged, onDeclined: calls.declined };
    const opened = await openSession({ server, auth, isOld, log, ...events }, signal).catch((error: unknown) => {
      isOld = !isOld && endedWhenAsked(error);
      throw error;
    });
    return live(keeping, opened, news);
  };
  while (!signal.aborted) {
    const startedAt = performance.now();
    const why = await attempt().catch((error: unknown) => `cannot be used: ${messageOf(error)}`);
    if (signal.aborted) break;
    onAway(why);
    if (performance.now() - startedAt > STEADY_MS) backoff.reset();
    const waitMs = backoff.nextMs();
    log.warn({ server: server.name, why, wait_ms: waitMs }, "an MCP server is away: it is tried again");
    await sleep(waitMs, signal);
  }
}

/**
 * One server: connected for as long as this process runs, and again when it was lost.
 *
 *     starting ─▶ there ─▶ away ─▶ starting …      it has ended, or does not answer: it is tried again after a growing wait
 */
export function createConnection(options: ConnectionOptions) {
  const { server, onChange } = options;
  const closing = new AbortController();
  const calls = createCalls(server);
  let tools: readonly ListedTool[] = [];
  let session: Session | undefined;
  let isModern = false;
  let trouble = "has not answered yet";

  const take = (listed: readonly ListedTool[]): void => {
    if (JSON.stringify(listed) === JSON.stringify(tools)) return;
    tools = listed;
    onChange();
  };
  const hold = (opened: Session | undefined): void => {
    session = opened;
    isModern = opened?.isModern ?? isModern;
  };
  const kept = keep({ ...options, calls, signal: closing.signal, take, hold }, (why) => void (trouble = why));

  return {
    server,
    /** What it offered when it was last asked; it may be away by now. */
    tools: () => tools,
    /** Whether it spoke the protocol of 2026-07-28 when it was last there. */
    isModern: () => isModern,
    /** Why it is away, as a sentence; undefined: it is there. */
    problem: () => (session === undefined ? `The MCP server ${server.name} ${trouble}.` : undefined),

    /** Throws NotSentError when the server got nothing of it; what else is thrown came of the server or its connection. */
    async call(call: SessionCall): Promise<CallAnswer> {
      if (session !== undefined) return calls.run(session, call);
      throw new NotSentError(
        `Not run: the MCP server ${server.name} is away. Try again in a minute, or go on without it.`,
      );
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

/** The first line of an error and of what caused it, without addresses of code. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "it failed";
  const [line = ""] = error.message.split("\n");
  const cause = error.cause instanceof Error ? messageOf(error.cause) : "";
  return (line.includes(cause) ? line : `${line} (${cause})`).slice(0, 500);
}
