import { McpServer, ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import { agentTools, answerTool, clusterTools, tasksExtension, toolsOf } from "@parley/dialects";
import type { FacadeDeps } from "../../transport/facade.ts";
import { callAgent, callAnswer } from "./agent-call.ts";
import type { McpCall } from "./call.ts";
import { serveResources, type ResourceDeps } from "./resources.ts";
import { serveTasks, type TaskDeps } from "./tasks.ts";
import { callTool, type ToolCallDeps } from "./tool-call.ts";

export interface ServerDeps
  extends ToolCallDeps, TaskDeps, ResourceDeps, Pick<FacadeDeps, "offer" | "catalogue" | "may" | "version"> {}

const instructions =
  "Each tool asks an agent of Parley and returns its answer; those whose names begin with k8s_ read a Kubernetes cluster at once, without an agent. Give the conversation_id of a result to go on in its conversation. Whatever an agent would change is asked of a person, never of you.";

/** Agents come and go with deployments. */
const kept = { ttlMs: 10_000, cacheScope: "private" } as const;

/** What serves one request: the SDK makes one for each. */
export function createServer(deps: ServerDeps, call: McpCall): McpServer {
  const isModern = call.era === "modern";
  const mcp = new McpServer(
    { name: "parley", title: "Parley", version: deps.version },
    {
      capabilities: {
        tools: {},
        ...(deps.knowledge === undefined ? {} : { resources: {} }),
        ...(isModern ? { extensions: { [tasksExtension]: {} } } : {}),
      },
      instructions,
      cacheHints: { "tools/list": kept, "resources/list": kept, "resources/read": kept },
      requestState: { verify: (state, ctx) => deps.states.verify(call, state, ctx) },
      inputRequired: { legacyShim: false },
    },
  );
  const { server } = mcp;
  server.setRequestHandler("tools/list", async () => {
    const [{ agents }, cluster] = await Promise.all([deps.offer(call.caller), clusterToolsFor(deps, call)]);
    return { tools: [...toolsOf(agents), ...cluster.values()] };
  });
  server.setRequestHandler("tools/call", async ({ params: { name, arguments: args } }, ctx) => {
    const tool = { deps, call, ctx, given: args };
    if (name === answerTool) return callAnswer(tool);
    if ((await clusterToolsFor(deps, call)).has(name)) return callTool(tool, name);
    const agent = agentTools((await deps.offer(call.caller)).agents).get(name);
    if (agent === undefined)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no tool ${name.slice(0, 128)}.`);
    return callAgent(tool, agent);
  });
  serveResources(server, deps, call);
  if (isModern) serveTasks(server, deps, call);
  return mcp;
}

/** What the caller's roles let them run, and their credential's scopes. */
async function clusterToolsFor({ catalogue, may }: ServerDeps, { caller }: McpCall) {
  return clusterTools(
    (await catalogue?.list()) ?? [],
    (name) => may(caller, "tool:run", { kind: "tool", name }).allowed,
  );
}
