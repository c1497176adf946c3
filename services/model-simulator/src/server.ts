import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { readBody, type Logger } from "@parley/runtime";
import { type ApiError, sendError, sendJson } from "./api-error.ts";
import { createChatCompletions } from "./chat-completions.ts";
import { answerEmbeddings } from "./embeddings.ts";
import { createFailureMemory, type FailureMemory } from "./failure-memory.ts";
import { findModel, modelBody, modelListBody } from "./models.ts";
import { createPacer } from "./pacer.ts";
import { createTranscriptions } from "./transcriptions.ts";
import { createRequestJournal, type RequestJournal } from "./request-journal.ts";

/** Images and recordings are in it. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_CONNECTIONS = 20_000;
/** Longer than clients keep idle connections, so that they, not we, decide when one ends. */
const KEEP_ALIVE_MS = 60_000;

type Handler = (req: IncomingMessage, res: ServerResponse, url: URL) => void | Promise<void>;
type Routes = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

export type ModelServerDeps = {
  /** The pace of an answer whose request asks for no other. */
  tokensPerSecond: number;
  log: Logger;
};

/** The HTTP server of the simulator, not yet listening. */
export function createModelServer({ tokensPerSecond, log }: ModelServerDeps) {
  const pacer = createPacer();
  const journal = createRequestJournal();
  const failures = createFailureMemory();
  const complete = createChatCompletions({ pacer, journal, failures, tokensPerSecond });
  const routes: Routes = {
    "/readyz": { GET: (_req, res) => sendJson(res, 200, '{"status":"ok"}') },
    "/v1/models": { GET: (_req, res) => sendJson(res, 200, modelListBody()) },
    "/v1/chat/completions": { POST: withBody(complete) },
    "/v1/audio/transcriptions": { POST: withBody(createTranscriptions(journal)) },
    "/v1/embeddings": { POST: withBody(answerEmbeddings) },
    "/sim/requests": journalHandlers(journal, failures),
  };
  const server = createServer({ noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS }, (req, res) => {
    route(routes, req, res).catch((err: unknown) => {
      // A caller that goes away while it sends is no fault of ours.
      if (!req.destroyed) log.error({ err, path: req.url }, "a request failed");
      res.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return {
    server,
    /** Cuts the streams that still run: without an end mark nobody takes a half answer for a whole one. */
    stop: (): void => {
      pacer[Symbol.dispose]();
      server.closeAllConnections();
    },
  };
}

function withBody(handle: (req: IncomingMessage, res: ServerResponse, body: Buffer) => void): Handler {
  return async (req, res) => {
    const body = await readBody(req, MAX_BODY_BYTES);
    if (body !== undefined) handle(req, res, body);
    else sendError(res, refusal(413, "The request is larger than 32 MiB.", "request_too_large"));
  };
}

function journalHandlers(journal: RequestJournal, failures: FailureMemory): Readonly<Record<string, Handler>> {
  return {
    GET: (_req, res, url) => {
      const clientRequestIdPrefix = url.searchParams.get("client_request_id") ?? undefined;
      const state = url.searchParams.get("state") ?? undefined;
      sendJson(res, 200, JSON.stringify(journal.list({ clientRequestIdPrefix, state })));
    },
    DELETE: (_req, res) => {
      journal.clear();
      failures.clear();
      res.writeHead(204).end();
    },
  };
}

async function route(routes: Routes, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const method = req.method ?? "GET";
  const url = new URL(`http://simulator${req.url ?? "/"}`);
  const handlers = routes[url.pathname];
  const model = findModel(url.pathname.replace(/^\/v1\/models\//, ""));
  if (handlers?.[method] !== undefined) await handlers[method](req, res, url);
  else if (handlers !== undefined) refuseMethod(res, method, Object.keys(handlers));
  else if (model !== undefined && method === "GET") sendJson(res, 200, JSON.stringify(modelBody(model.id)));
  else sendError(res, refusal(404, `Unknown request URL: ${method} ${url.pathname}.`, "unknown_url"));
}

function refuseMethod(res: ServerResponse, method: string, allowed: readonly string[]): void {
  res.setHeader("allow", allowed.join(", "));
  sendError(res, refusal(405, `${method} is not allowed here.`, "method_not_allowed"));
}

function refusal(status: number, message: string, code: string): ApiError {
  return { status, message, type: "invalid_request_error", code };
}
