import { RunAgentInput } from "@parley/dialects";
import { ChatError, problemOf, type Caller } from "@parley/protocol";
import { z } from "zod";
import type { FacadeDeps } from "../../transport/facade.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { defineRoute, nothing, type Call, type Route } from "../../transport/route.ts";
import { AgentName, maxRunBytes, PathName, StopAnswer } from "./fields.ts";
import type { Runs } from "./runs.ts";

type InfoDeps = Pick<FacadeDeps, "offer" | "version">;

/** What CopilotKit's clients call the agent that they ask for when nobody has named one: then the message is routed. */
const routedAgent = "default";

const AgentInfo = z.object({ name: z.string(), className: z.string(), description: z.string() });

const RuntimeInfo = z.looseObject({
  version: z.string(),
  agents: z.record(z.string(), AgentInfo),
  mode: z.literal("sse"),
});

/**
 * What CopilotKit's clients ask of its runtime, so that they need none: `{runtimeUrl}` is `/api/copilotkit`. Read from `@copilotkit/core` of
 * `@copilotkit/react-core` 1.74.0 (`agent.ts`, `core/agent-registry.ts`). Threads, suggestions and memories are said to be absent, and are not asked for then.
 */
export function createCopilotKitRoutes(deps: InfoDeps, runs: Runs): Route[] {
  return [
    infoRoute(deps),
    agentRoute(runs, "run"),
    agentRoute(runs, "connect"),
    stopRoute(runs),
    singleRoute(deps, runs),
  ];
}

function infoRoute(deps: InfoDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/copilotkit/info",
    summary: "CopilotKit: the agents there are, and what this runtime can do.",
    access: "user or developer",
    params: nothing,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "Agents by name; `default` routes.", content: RuntimeInfo } },
    handle: ({ caller }) => info(deps, caller),
  });
}

async function info({ offer, version }: InfoDeps, caller: Caller): Promise<Reply> {
  const { agents } = await offer(caller);
  const all = [
    { name: routedAgent, description: "Whichever agent fits the message." },
    ...agents.filter(({ name }) => name !== routedAgent),
  ];
  const entries = all.map(({ name, description }) => [name, { name, description, className: "ParleyAgent" }] as const);
  const none = { list: false, inspect: false, mutations: false, realtimeMetadata: false };
  return jsonReply(200, {
    version,
    agents: Object.fromEntries<object>(entries),
    mode: "sse",
    audioFileTranscriptionEnabled: false,
    threadEndpoints: none,
    singleRoute: { resourceOperations: false, threadEndpoints: none },
    suggestions: false,
    a2uiEnabled: false,
    openGenerativeUIEnabled: false,
    telemetryDisabled: true,
  });
}

function agentRoute(runs: Runs, what: "run" | "connect"): Route {
  const summaries = {
    run: "CopilotKit: a run of an agent, as AG-UI's events.",
    connect: "CopilotKit: the thread as it is kept, and then what runs in it, as AG-UI's events.",
  };
  return defineRoute({
    method: "post",
    path: `/api/copilotkit/agent/:id/${what}`,
    summary: summaries[what],
    access: "user or developer",
    maxBodyBytes: maxRunBytes,
    params: z.object({ id: AgentName }),
    query: nothing,
    body: RunAgentInput,
    responses: { 200: { description: "The events of AG-UI." } },
    handle: (call, { params: { id }, body }) =>
      what === "run" ? runs.run(call, body, agentNamed(id)) : runs.connect(call, body),
  });
}

function agentNamed(id: string): string | undefined {
  return id === routedAgent ? undefined : id;
}

function stopRoute(runs: Runs): Route {
  return defineRoute({
    method: "post",
    path: "/api/copilotkit/agent/:id/stop/:thread",
    summary: "CopilotKit: stops what runs in a thread.",
    access: "user or developer",
    params: z.object({ id: AgentName, thread: PathName }),
    query: nothing,
    body: z.object({ runId: z.string().max(256).nullish().describe("Not read: a thread has one run at a time.") }),
    responses: { 200: { description: "Whether something ran.", content: StopAnswer } },
    handle: async (call, { params: { thread } }) => jsonReply(200, { stopped: await runs.stop(call, thread) }),
  });
}

const Envelope = z.object({
  method: z.string().max(64).describe("`info`, `agent/run`, `agent/connect` or `agent/stop`."),
  params: z
    .object({ agentId: z.string().min(1).max(64).optional(), threadId: z.string().min(1).max(256).optional() })
    .nullish(),
  body: z.unknown().optional().describe("Of a run: AG-UI's RunAgentInput."),
});
type Envelope = z.infer<typeof Envelope>;

/** For clients that are told to use one address for all (`useSingleEndpoint`). */
function singleRoute(deps: InfoDeps, runs: Runs): Route {
  return defineRoute({
    method: "post",
    path: "/api/copilotkit",
    summary: "CopilotKit: the same as its other addresses, by the name of a method.",
    access: "user or developer",
    maxBodyBytes: maxRunBytes,
    params: nothing,
    query: nothing,
    body: Envelope,
    responses: { 200: { description: "As the address of the method." } },
    handle: (call, { body }) => answerMethod(deps, runs, call, body),
  });
}

async function answerMethod(
  deps: InfoDeps,
  runs: Runs,
  call: Call,
  { method, params, body }: Envelope,
): Promise<Reply | undefined> {
  const { agentId = routedAgent, threadId } = params ?? {};
  if (method === "info") return info(deps, call.caller);
  if (method === "agent/run") return runs.run(call, inputIn(body), agentNamed(agentId));
  if (method === "agent/connect") return runs.connect(call, inputIn(body));
  if (method === "agent/stop" && threadId !== undefined) {
    return jsonReply(200, { stopped: await runs.stop(call, threadId) });
  }
  throw new ChatError("UNSUPPORTED", { message: `There is no method ${JSON.stringify(method)} with these params.` });
}

/** Throws INVALID_FRAME. */
function inputIn(body: unknown): RunAgentInput {
  const input = RunAgentInput.safeParse(body);
  if (input.success) return input.data;
  throw new ChatError("INVALID_FRAME", {
    message: `The request is not valid: ${problemOf(input.error, body, "`body`")}.`,
  });
}
