import { A2aError, checkVersion, decodeRpc, errorAnswer, rpcIdOf, type RpcId } from "@parley/dialects";
import { ChatError, limits } from "@parley/protocol";
import { z } from "zod";
import type { Facade, FacadeDeps } from "../../transport/facade.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { defineRoute, nothing, type Call, type Route } from "../../transport/route.ts";
import { agentCard, tagOf } from "./card.ts";
import { createMethods } from "./methods.ts";

/** A2A 1.0 over JSON-RPC: https://a2a-protocol.org/v1.0.0/specification. */
export const createA2aRoutes: Facade = (deps) => [cardRoute(deps), rpcRoute(deps)];

/** As the caller may see it: which agents they may ask for. */
function cardFor({ offer, origin, version, isDevelopment }: FacadeDeps) {
  return async ({ caller, exchange }: Call, agent: string | undefined): Promise<object> => {
    const { agents } = await offer(caller);
    const only = agents.find(({ name }) => name === agent);
    if (agent !== undefined && only === undefined)
      throw new ChatError("NOT_FOUND", { message: "There is no such agent." });
    return agentCard({ origin: origin(exchange), version, agents, only, isOpen: isDevelopment });
  };
}

function cardRoute(deps: FacadeDeps): Route {
  const cardOf = cardFor(deps);
  return defineRoute({
    method: "get",
    path: "/.well-known/agent-card.json",
    summary: "The agent card of A2A 1.0: which agents there are, and how they are talked to.",
    access: "anybody",
    reads: ["if-none-match"],
    params: nothing,
    query: z.object({
      agent: z.string().min(1).max(64).optional().describe("The card of this agent alone. Absent: one card of all."),
    }),
    body: nothing,
    responses: { 200: { description: "The card.", content: z.looseObject({ name: z.string() }) } },
    async handle(call, { query }) {
      const card = await cardOf(call, query.agent);
      const etag = tagOf(card);
      // It says under which name it was asked for.
      const headers = { etag, "cache-control": "private, max-age=60" };
      if (call.exchange.header("if-none-match") === etag) return { status: 304, headers, body: "" };
      return jsonReply(200, card, headers);
    },
  });
}

const anything = z.unknown();
/** Checked as JSON-RPC has it, behind this. */
const Body = z.looseObject({ jsonrpc: anything, id: anything, method: anything, params: anything }).partial();

/** Files that come with a message, as base64. */
const maxFileBytes = 8 * 1024 * 1024;

function rpcRoute(deps: FacadeDeps): Route {
  const run = createMethods(deps, cardFor(deps));
  /** Of requests that came as far as a method. */
  const ids = new WeakMap<Call["exchange"], RpcId>();
  return defineRoute({
    method: "post",
    path: "/a2a",
    maxBodyBytes: limits.escapedFrameBytes + maxFileBytes,
    summary: "A2A 1.0 over JSON-RPC: messages, tasks, and their streams.",
    access: "user or developer",
    reads: ["a2a-version"],
    refuse: (error, exchange) => refusal(error, ids.get(exchange) ?? null),
    headers: { "A2A-Version": "1.0; without it the request is taken for one of 0.3, which is not spoken here." },
    params: nothing,
    query: z.object({ "A2A-Version": z.string().max(32).optional().describe("In place of the header.") }),
    body: Body,
    responses: {
      200: {
        description: "What JSON-RPC answers; of streaming methods a stream of such answers.",
        content: z.looseObject({ jsonrpc: z.literal("2.0") }),
        events: z.looseObject({ jsonrpc: z.literal("2.0") }),
      },
    },
    async handle(call, { query, body }) {
      ids.set(call.exchange, rpcIdOf(body));
      try {
        checkVersion(call.exchange.header("a2a-version") || (query["A2A-Version"] ?? ""));
        return await run(call, decodeRpc(body));
      } catch (error) {
        return answerTo(error, body);
      }
    },
  });
}

/** What the client did wrong is told under the id of its request; the rest also by the status. */
function answerTo(error: unknown, body: unknown): Reply {
  if (error instanceof A2aError) return jsonReply(200, errorAnswer(rpcIdOf(body), error));
  if (!(error instanceof ChatError) || error.status >= 500 || error.status === 429) throw error;
  return jsonReply(200, errorAnswer(rpcIdOf(body), error));
}

/** Also of what did not come as far as a method: then its id is not known. */
function refusal(error: ChatError, id: RpcId): Reply {
  const { status, retryAfterMs } = error;
  const retry = retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  const challenge = status === 401 ? { "www-authenticate": "Bearer" } : {};
  return jsonReply(status, errorAnswer(id, error), { ...retry, ...challenge });
}
