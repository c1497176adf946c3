import { createMcpHandler, type McpHttpHandler } from "@modelcontextprotocol/server";
import { createKnowledgeBoard } from "@parley/bus";
import type { ChatError } from "@parley/protocol";
import { z } from "zod";
import type { Facade, FacadeDeps } from "../../transport/facade.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { defineRoute, nothing, type Call, type Route } from "../../transport/route.ts";
import { answerWith, mcpHeaders, requestOf } from "./bridge.ts";
import { createStates, digestOf, type McpCall } from "./call.ts";
import { createListeners } from "./listeners.ts";
import { challengeOf, checkNotRebound, mcpPath, metadataPath, metadataReply } from "./place.ts";
import { createRunningCalls, newSession, numbered, sessionHeader, type RunningCalls } from "./running-calls.ts";
import { createServer, type ServerDeps } from "./server.ts";
import { createStateKeys } from "./state-key.ts";
import { stop } from "./turns.ts";

/** A message of JSON-RPC; what it says is checked by the SDK. */
const Message = z.looseObject({
  id: z
    .union([z.string().max(512), z.number()])
    .nullable()
    .optional(),
  method: z.string().max(128).optional(),
  params: z.looseObject({}).optional(),
});
type Message = z.output<typeof Message>;

/** MCP over streamable HTTP, as of 2026-07-28 and before. */
export const createMcpRoutes: Facade = (deps) => [createMcpRoute(deps), ...createMetadataRoutes(deps)];

function createMcpRoute(deps: FacadeDeps): Route {
  const running = createRunningCalls(deps.redis);
  const { redis, log } = deps;
  const knowledge = redis && createKnowledgeBoard({ redis, log });
  const handlers = createHandlers({ ...deps, running, knowledge, states: createStates(createStateKeys(redis)) }, deps);
  return defineRoute({
    method: "post",
    path: mcpPath,
    summary: "A server of the Model Context Protocol: each agent is a tool, and its documents are resources.",
    access: "user or developer",
    reads: [...mcpHeaders, sessionHeader],
    refuse: (error, exchange) => refusal(error, challengeOf(deps.origin(exchange), error)),
    params: nothing,
    query: nothing,
    body: Message,
    responses: { 200: { description: "The answer of JSON-RPC, or a stream of events that ends with it." } },
    async handle(call, { body }) {
      checkNotRebound(call.exchange, call.caller.credential === undefined && deps.isDevelopment);
      const mismatch = taskHeaderProblem(call, body);
      if (mismatch !== undefined) return mismatch;
      if (isCancel(call, body)) {
        await stopNamed(deps, running, call, body);
        return { status: 202, body: "" };
      }
      return handlers.serve(call, body);
    },
  });
}

/** `auto`: an answer in one piece where nothing is told before it. Of calls the stream begins at once, so that a long one keeps its connection. */
function createHandlers(deps: ServerDeps, { hold, log }: Pick<FacadeDeps, "hold" | "log">) {
  const listen = createListeners(hold);
  const calls = new WeakMap<Request, Omit<McpCall, "era">>();
  const handlerOf = (responseMode: "auto" | "sse"): McpHttpHandler =>
    createMcpHandler(
      ({ era, requestInfo }) => {
        const call = requestInfo && calls.get(requestInfo);
        if (call === undefined) throw new Error("The SDK asks for a request that it was not given.");
        return createServer(deps, { ...call, era });
      },
      {
        responseMode,
        // They are counted as all streams are.
        maxSubscriptions: Infinity,
        onerror: (err) => log.debug({ err }, "a request of MCP was refused"),
      },
    );
  const short = handlerOf("auto");
  const long = handlerOf("sse");
  return {
    async serve(call: Call, body: Message): Promise<Reply | undefined> {
      const { caller, exchange } = call;
      const gone = new AbortController();
      exchange.onGone(() => gone.abort());
      const request = requestOf(exchange, gone.signal);
      const { method, params } = body;
      calls.set(request, { caller, exchange, digest: () => digestOf(method, params?.["name"], params?.["arguments"]) });
      const handler = method === "tools/call" ? long : short;
      if (method === "initialize") exchange.headers.set(sessionHeader, newSession());
      const onOver = method === "subscriptions/listen" ? listen(call, () => gone.abort()) : () => {};
      try {
        return await answerWith(exchange, await handler.fetch(request, { parsedBody: body }), onOver);
      } catch (thrown) {
        onOver();
        // The SDK rejects what was given up by its client.
        if (gone.signal.aborted) return undefined;
        throw thrown;
      }
    },
  };
}

const RequestId = z.union([z.string().max(512), z.number()]);

/** The one notification of clients before 2026-07-28 that means something here. */
function isCancel({ exchange }: Call, { method }: Message): boolean {
  return method === "notifications/cancelled" && exchange.header("mcp-protocol-version") !== "2026-07-28";
}

/** Stops the turn of the call that is named, if that client made it and it still runs. It may come too late, so that there is nothing to stop is no error. */
async function stopNamed(deps: FacadeDeps, running: RunningCalls, call: Call, { params }: Message): Promise<void> {
  const { data: id } = RequestId.safeParse(params?.["requestId"]);
  const named = id === undefined ? undefined : numbered(call, id);
  const place = named && (await running.find(named));
  if (place !== undefined) await stop(deps.commands, call.caller, place);
}

const codes = { parse: -32_700, invalid: -32_600, header: -32_020, internal: -32_603 } as const;

/** The extension has proxies find a task's server by the header, so that they must agree. */
function taskHeaderProblem({ exchange }: Call, { id, method, params }: Message): Reply | undefined {
  if (method === undefined || !/^tasks\/(get|update|cancel)$/.test(method)) return undefined;
  if (exchange.header("mcp-protocol-version") !== "2026-07-28" || exchange.header("mcp-name") === params?.["taskId"])
    return undefined;
  return rpcError(400, { code: codes.header, message: "The header Mcp-Name has to be the taskId." }, id);
}

/** What never came as far as the SDK. */
function refusal(error: ChatError, challenge: string): Reply {
  const { status, code, message, cause, retryAfterMs } = error;
  // What was read and is no message has the schema's word for it, or none; any other cause is of reading it.
  const isRead = cause === undefined || cause instanceof z.ZodError;
  const rpc = code === "INVALID_FRAME" ? (isRead ? codes.invalid : codes.parse) : codes.internal;
  const reply = rpcError(status, { code: rpc, message, ...retryData(error) });
  const headers = {
    ...reply.headers,
    ...(status === 401 ? { "www-authenticate": challenge } : {}),
    ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) }),
  };
  return { ...reply, headers };
}

function retryData({ retryAfterMs: retry_after_ms }: ChatError) {
  return retry_after_ms === undefined ? {} : { data: { retry_after_ms } };
}

interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly retry_after_ms: number };
}

function rpcError(status: number, error: RpcError, id: string | number | null = null): Reply {
  return jsonReply(status, { jsonrpc: "2.0", id, error });
}

/** For the server as a whole, and for its path (RFC 9728, section 3.1). */
function createMetadataRoutes({ issuers, origin }: FacadeDeps): Route[] {
  return [metadataPath, metadataPath + mcpPath].map((path) =>
    defineRoute({
      method: "get",
      path,
      summary: "Who makes tokens for the server of the Model Context Protocol (RFC 9728).",
      access: "anybody",
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: { description: "What the resource is, and its issuers." } },
      handle: async ({ exchange }) => metadataReply(origin(exchange), issuers),
    }),
  );
}
