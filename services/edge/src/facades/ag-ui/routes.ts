import { RunAgentInput } from "@parley/dialects";
import { ChatError } from "@parley/protocol";
import { z } from "zod";
import type { Facade } from "../../transport/facade.ts";
import { jsonReply } from "../../transport/reply.ts";
import { defineRoute, nothing, type Route } from "../../transport/route.ts";
import { createCopilotKitRoutes } from "./copilotkit.ts";
import { AgentName, StopAnswer, maxRunBytes, PathName } from "./fields.ts";
import { createRuns, type Runs } from "./runs.ts";

export const createAgUiRoutes: Facade = (deps) => {
  const runs = createRuns(deps);
  return [
    ...["/api/ag-ui", "/api/ag-ui/:agent"].map((path) => runRoute(runs, path)),
    ...["/api/ag-ui/stop/:thread", "/api/ag-ui/:agent/stop/:thread"].map((path) => stopRoute(runs, path)),
    ...createCopilotKitRoutes(deps, runs),
  ];
};

/** Without `:agent` the message is routed. */
function runRoute(runs: Runs, path: string): Route {
  return defineRoute({
    method: "post",
    path,
    summary: "AG-UI: a run of an agent, as events; a run with nothing new attaches to what runs in the thread.",
    access: "user or developer",
    maxBodyBytes: maxRunBytes,
    params: path.includes(":agent") ? z.object({ agent: AgentName }) : nothing,
    query: nothing,
    body: RunAgentInput,
    responses: { 200: { description: "The events of AG-UI 0.0.59 or, for who says `protocolVersion`, 1.0." } },
    handle: (call, { params, body }) => runs.run(call, body, agentIn(params)),
  });
}

function agentIn(params: object): string | undefined {
  return "agent" in params && typeof params.agent === "string" ? params.agent : undefined;
}

function stopRoute(runs: Runs, path: string): Route {
  return defineRoute({
    method: "post",
    path,
    summary: "AG-UI has no word to stop a run: this stops what runs in a thread.",
    access: "user or developer",
    params: z.object({ ...(path.includes(":agent") ? { agent: AgentName } : {}), thread: PathName }),
    query: nothing,
    body: z.object({ runId: z.string().max(256).optional().describe("Not read: a thread has one run at a time.") }),
    responses: { 200: { description: "Whether something ran.", content: StopAnswer } },
    async handle(call, { params }) {
      if (typeof params.thread !== "string") throw new ChatError("INVALID_FRAME");
      return jsonReply(200, { stopped: await runs.stop(call, params.thread) });
    },
  });
}
