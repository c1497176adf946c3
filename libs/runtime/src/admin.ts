import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { totalmem } from "node:os";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { problemOf } from "@parley/protocol";
import type { Registry } from "prom-client";
import { z } from "zod";
import { addGauge } from "./metric-parts.ts";
import { listen, type Listener } from "./listen.ts";
import { liveHeapBytes } from "./live-heap.ts";
import type { Logger } from "./logger.ts";
import { readJsonBody, RequestBodyError } from "./request-body.ts";

export type AdminRequest = {
  method: string;
  path: string;
  query: URLSearchParams;
  /** The parsed JSON body of a POST; undefined when it was empty. */
  body: unknown;
  /** The header of that name; empty when there is none. */
  authorization: string;
};

/** Thrown by a route: answered with its status and sentence. */
export class AdminRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "AdminRefusal";
    this.status = status;
  }
}

/** What it returns is sent as JSON, undefined as 204. A ZodError that it throws answers 400, an AdminRefusal what it says, anything else 500. */
export type AdminRoute = (request: AdminRequest) => unknown;

/** Pages for browsers below a path; they answer GET only. */
export type AdminPage = {
  /** `/name`. */
  readonly prefix: string;
  answer(request: Pick<AdminRequest, "path" | "query" | "authorization">): Promise<AdminPageReply>;
};

export type AdminPageReply = {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

export type AdminOptions = {
  host: string;
  port: number;
  registry: Registry;
  /** What keeps this process from serving, as sentences; empty when it is ready. */
  ready: () => string[];
  /** What a person should know although the process is ready, as sentences; stands in `/readyz`. Must not wait for long, nor throw. */
  notes?: () => Promise<string[]>;
  log: Logger;
  /** More paths, for simulators and debugging. A key is `/path` (GET and POST), `GET /path` or `POST /path`. */
  routes?: Record<string, AdminRoute>;
  pages?: readonly AdminPage[];
  /** The variable that holds `port`, for the sentence about a port that is taken. */
  portVariable?: string;
};

/** A long answer, line by line, as fast as it is read: for what must not be in memory at once. */
export type AdminLines = { readonly lines: AsyncIterable<string>; readonly onGone: () => void };
const longAnswers = new WeakSet<object>();

/** What a route returns for such an answer. `onGone`: its reader has gone. */
export function adminLines(lines: AsyncIterable<string>, onGone: () => void): AdminLines {
  const answer = { lines, onGone };
  longAnswers.add(answer);
  return answer;
}

function isLines(value: unknown): value is AdminLines {
  return typeof value === "object" && value !== null && longAnswers.has(value);
}

type Reply = {
  status: number;
  body?: string | Buffer | AdminLines;
  type?: string;
  headers?: Readonly<Record<string, string>>;
};
type Handler = (request: AdminRequest) => Reply | Promise<Reply>;

/** Serves `/livez`, `/readyz`, `/metrics` and the given routes. */
export async function startAdmin(options: AdminOptions): Promise<Listener> {
  const handlers = createHandlers(options);
  addProcessGauges(options);
  const server = createServer((request, response) => {
    answer(request, handlers).then(
      (reply) => send(response, reply),
      (err: unknown) => {
        const reply = toFailure(err);
        if (reply.status === 500) options.log.error({ err, path: request.url }, "an admin request failed");
        send(response, reply);
      },
    );
  });
  return listen(server, { host: options.host, port: options.port, variable: options.portVariable ?? "ADMIN_PORT" });
}

/** What every process says of itself, whatever it does. */
function addProcessGauges({ registry, ready }: AdminOptions): void {
  const readyHelp = "1 when this process is ready for new work, as /readyz says; else 0.";
  addGauge(registry, "parley_ready", readyHelp, () => (ready().length === 0 ? 1 : 0));
  const memoryHelp = "Memory that this process may use: its container's limit, or all of the machine's.";
  addGauge(registry, "parley_memory_limit_bytes", memoryHelp, memoryLimit);
  const clockHelp =
    "The time of day by this process's clock; beside the time of the scrape it shows a clock that is wrong.";
  addGauge(registry, "parley_clock_seconds", clockHelp, () => Date.now() / 1_000);
  const liveHelp = "What the last full garbage collection left on the heap and in buffers; 0 before the first.";
  // From now on, not from the first scrape on.
  liveHeapBytes();
  addGauge(registry, "parley_heap_live_bytes", liveHelp, liveHeapBytes);
}

/** Node says 0, or more than the machine has, where no limit is set. */
function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

interface Handlers {
  of(method: string, path: string): Handler | undefined;
}

function createHandlers({ ready, notes, registry, routes = {}, pages = [] }: AdminOptions): Handlers {
  const extra = Object.entries(routes).map(([key, route]): [string, Handler] => [
    key,
    async (request) => toJson(200, await route(request)),
  ]);
  const byRoute = new Map<string, Handler>([
    ...extra,
    ["GET /livez", () => toJson(200, { alive: true })],
    ["GET /readyz", async () => readiness(ready(), await notes?.())],
    ["GET /metrics", async () => ({ status: 200, body: await registry.metrics(), type: registry.contentType })],
  ]);
  const pageAt = (path: string): Handler | undefined =>
    pages.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))?.answer;
  return {
    of: (method, path) =>
      byRoute.get(`${method} ${path}`) ?? byRoute.get(path) ?? (method === "GET" ? pageAt(path) : undefined),
  };
}

function readiness(problems: string[], notes: string[] = []): Reply {
  const more = notes.length === 0 ? {} : { notes };
  return toJson(problems.length === 0 ? 200 : 503, { ready: problems.length === 0, problems, ...more });
}

async function answer(request: IncomingMessage, handlers: Handlers): Promise<Reply> {
  const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "http://admin");
  // Node leaves the body out of an answer to HEAD by itself.
  const method = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
  if (method !== "GET" && method !== "POST") return toJson(405, { error: `${method} is not supported.` });
  const { authorization = "" } = request.headers;
  const handler = handlers.of(method, path);
  if (handler === undefined) return toJson(404, { error: `There is nothing at ${method} ${path}.` });
  const body = method === "POST" ? await readJsonBody(request) : undefined;
  try {
    return await handler({ method, path, query, body, authorization });
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new AdminRefusal(400, `The request cannot be used: ${problemOf(error, body)}.`);
  }
}

function toFailure(error: unknown): Reply {
  if (error instanceof RequestBodyError || error instanceof AdminRefusal)
    return toJson(error.status, { error: error.message });
  return toJson(500, { error: "The request failed; the log of this process says why." });
}

function toJson(status: number, value: unknown): Reply {
  if (value === undefined) return { status: 204 };
  if (isLines(value)) return { status, body: value, type: "application/x-ndjson" };
  return { status, body: JSON.stringify(value), type: "application/json" };
}

function send(response: ServerResponse, { status, body, type, headers }: Reply): void {
  response.writeHead(status, { ...headers, ...(type === undefined ? {} : { "content-type": type }) });
  if (!isLines(body)) return void response.end(body);
  const { lines, onGone } = body;
  // What breaks off breaks the connection: nobody takes a part for the whole.
  pipeline(Readable.from(lines), response).catch(onGone);
}
