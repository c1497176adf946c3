import type { StoredTurn, TurnRequest } from "@parley/protocol";
import { traceNames, type TraceSpan } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { Routed } from "./decisions.ts";
import type { createRouter } from "./routing/router.ts";

export interface ChooseAgentDeps {
  readonly agents: readonly Agent[];
  readonly route: ReturnType<typeof createRouter>;
}

export interface AgentQuestion {
  readonly request: Pick<TurnRequest, "message" | "agent">;
  readonly history: readonly StoredTurn[];
  /** What an earlier attempt has decided. */
  readonly routed: Routed | undefined;
  /** Which agents whoever asks may use. */
  readonly mayUse: (agent: string) => boolean;
  /** Of the turn. */
  readonly span: TraceSpan;
}

/** Who answers, and how that came about. A newer version may have other methods. */
export interface ChosenAgent extends Omit<Routed, "agent"> {
  readonly agent: Agent;
}

/** Chooses the agent that answers, once: what an earlier attempt chose stays, unless that agent is there no more. */
export function createChooseAgent({ agents, route }: ChooseAgentDeps) {
  const chosenBefore = (routed: Routed | undefined): ChosenAgent | undefined => {
    const agent = agents.find(({ name }) => name === routed?.agent);
    return agent === undefined || routed === undefined ? undefined : { ...routed, agent };
  };

  return ({ request, history, routed, mayUse, span }: AgentQuestion): ChosenAgent => {
    const before = chosenBefore(routed);
    if (before !== undefined) return before;
    const routing = span.child({ name: "route" });
    try {
      const previousAgent = history.findLast(({ answer }) => answer !== undefined)?.answer?.metadata?.agent;
      const chosen = route({ message: request.message, explicit: request.agent, previousAgent, mayUse });
      const { agent, confidence, method } = chosen;
      routing.set({
        [traceNames.agent]: agent.name,
        [traceNames.routeMethod]: method,
        [traceNames.routeConfidence]: confidence,
      });
      return chosen;
    } finally {
      routing.end();
    }
  };
}
