import { parseJSONRPCMessage, type Transport } from "@modelcontextprotocol/client";
import { sleep, type Logger } from "@parley/runtime";
import { redactText } from "../kubernetes/redaction.ts";
import { toPlainText } from "../plain-text.ts";
import type { McpServerConfig } from "./mcp-file.ts";
import { createLineReader, createMessageRate } from "./stream-bounds.ts";
import { startGroup, watchMemory, type ProcessGroup } from "./process-group.ts";

export interface StdioOptions {
  readonly server: McpServerConfig & { readonly command: string };
  readonly log: Logger;
}

type Message = Parameters<Transport["send"]>[0];

/** A transport whose server is a process of ours. */
export interface StdioTransport extends Transport {
  /** By these two the library knows that it speaks to a process: silence then means an older server, not an outage. */
  readonly pid: number | null;
  readonly stderr: null;
  /** Why it is closed, to follow "the server". */
  reason(): string;
}

const POLITE_MS = 500;
const STDERR_LINE_CHARS = 500;
const STDERR_LINES_PER_S = 10;
/** A server that does not read its input may let so much wait in our memory. */
const UNREAD_BYTES = 8 * 2 ** 20;

/**
 * Speaks with a process over its standard streams: a message per line. The library's own transport starts servers in our process group, inherits HOME, reads whatever
 * comes as fast as it comes, and starts each server twice; hence this one.
 */
export function createStdioTransport(options: StdioOptions): StdioTransport {
  let group: ProcessGroup | undefined;
  let closing: Promise<void> | undefined;
  let reason = "was stopped";

  const close = (): Promise<void> => {
    closing ??= group === undefined ? Promise.resolve() : endGroup(group);
    return closing;
  };
  const end = (why: string): void => {
    if (closing === undefined) reason = why;
    void close();
  };

  const transport: StdioTransport = {
    get pid() {
      return group?.pid ?? null;
    },
    stderr: null,
    reason: () => reason,
    async start() {
      const { command, args = [], cwd, env } = options.server;
      group = startGroup({ command, args, cwd, env });
      await started(group);
      attach(group, { ...options, transport, end });
      const pid = group.pid ?? 0;
      const stopWatching = watchMemory(pid, options.server.limits.memory_bytes, (bytes) =>
        end(`took ${Math.round(bytes / 2 ** 20)} MiB of memory`),
      );
      group.child.once("close", (code, signal) => {
        stopWatching();
        if (closing === undefined) reason = `ended (${signal ?? `exit code ${code}`})`;
        transport.onclose?.();
      });
    },
    send: (message) => write(group, message),
    close,
  };
  return transport;
}

function started({ child }: ProcessGroup): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}

/** Asks first: the end of its input, then SIGTERM, then the end. */
async function endGroup({ child, send }: ProcessGroup): Promise<void> {
  const gone = new AbortController();
  child.once("close", () => gone.abort());
  child.stdin.end();
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await sleep(POLITE_MS, gone.signal);
    if (gone.signal.aborted) return;
    send(signal);
  }
  // A process that holds the other ends of our pipes from outside the group would keep them open for ever.
  await sleep(POLITE_MS, gone.signal);
  child.stdout.destroy();
  child.stderr.destroy();
}

function write(group: ProcessGroup | undefined, message: Message): Promise<void> {
  const stdin = group?.child.stdin;
  if (stdin === undefined || !stdin.writable) return Promise.reject(new Error("The server has ended."));
  if (stdin.writableLength > UNREAD_BYTES) return Promise.reject(new Error("The server does not read."));
  return new Promise((resolve, reject) => {
    stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

interface Attached extends StdioOptions {
  readonly transport: Transport;
  readonly end: (reason: string) => void;
}

function attach({ child }: ProcessGroup, { server, log, transport, end }: Attached): void {
  const { message_bytes, messages_per_s } = server.limits;
  const reader = createLineReader(message_bytes);
  const rate = createMessageRate(messages_per_s);

  child.stdout.on("data", (chunk: Buffer) => {
    const lines = reader.push(chunk);
    if (lines === "too long") {
      end(`sent a message of more than ${message_bytes} bytes`);
      child.stdout.destroy();
      return;
    }
    for (const line of lines) receive(transport, line);
    const waitMs = rate.take(lines.length);
    if (waitMs === 0) return;
    child.stdout.pause();
    setTimeout(() => child.stdout.resume(), waitMs).unref();
  });
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    stream.on("error", (error: Error) => transport.onerror?.(error));
  }
  child.on("error", (error) => transport.onerror?.(error));
  logLines(child.stderr, server.name, log);
}

/** What is no message (a greeting, a stack trace) is passed over: many servers print where they should not. */
function receive(transport: Transport, line: string): void {
  if (line.trim() === "") return;
  let message: Message;
  try {
    message = parseJSONRPCMessage(JSON.parse(line));
  } catch (cause) {
    transport.onerror?.(new Error("The server wrote a line that is no message.", { cause }));
    return;
  }
  transport.onmessage?.(message);
}

/** Standard error goes to the log: made plain, without what looks like a credential, and only so much of it. */
function logLines(stderr: NodeJS.ReadableStream, name: string, log: Logger): void {
  const reader = createLineReader(64 * 1024);
  const rate = createMessageRate(STDERR_LINES_PER_S);
  let isMuted = false;
  stderr.on("data", (chunk: Buffer) => {
    if (isMuted) return;
    const lines = reader.push(chunk);
    isMuted = lines === "too long";
    if (lines === "too long") return;
    for (const line of lines.filter((text) => text.trim() !== "").slice(0, STDERR_LINES_PER_S)) {
      log.info({ server: name, line: redactText(toPlainText(line)).slice(0, STDERR_LINE_CHARS) }, "an MCP server says");
    }
    const waitMs = rate.take(lines.length);
    if (waitMs === 0) return;
    isMuted = true;
    setTimeout(() => (isMuted = false), waitMs).unref();
  });
}
