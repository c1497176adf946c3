import type { StoredTurn, TurnRequest } from "@parley/protocol";
import { traceNames, type TraceSpan } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { Classify } from "./classifier.ts";
import type { Routed } from "./decisions.ts";
import { openCandidates, withOpinion } from "./routing/model-opinion.ts";
import type { createRouter, Route } from "./routing/router.ts";
import type { TurnSpending } from "./usage/turn-spending.ts";

export interface ChooseAgentDeps {
  readonly agents: readonly Agent[];
  readonly route: ReturnType<typeof createRouter>;
}

export interface AgentQuestion {
  readonly request: Pick<TurnRequest, "message" | "agent" | "conversation_id" | "turn_id" | "user" | "caller">;
  readonly history: readonly StoredTurn[];
  /** What an earlier attempt has decided. */
  readonly routed: Routed | undefined;
  /** Which agents whoever asks may use. */
  readonly mayUse: (agent: string) => boolean;
  /** A model that is asked where words leave it open. */
  readonly classify?: Classify | undefined;
  /** It is asked now. */
  readonly onAsk: () => void;
  /** Of the attempt: what that uses counts for whoever has asked. */
  readonly spending?: Pick<TurnSpending, "meter"> | undefined;
  /** Of the turn; its reason is thrown when it is aborted. */
  readonly signal: AbortSignal;
  readonly span: TraceSpan;
}

/** Who answers, and how that came about. A newer version may have other methods. */
export interface ChosenAgent extends Omit<Routed, "agent"> {
  readonly agent: Agent;
}

/**
 * Chooses the agent that answers, once: what an earlier attempt chose stays, unless that agent is there no more. Waits for nothing unless words leave it
 * open and there is a model to ask.
 */
export function createChooseAgent({ agents, route }: ChooseAgentDeps) {
  const chosenBefore = (routed: Routed | undefined): ChosenAgent | undefined => {
    const agent = agents.find(({ name }) => name === routed?.agent);
    return agent === undefined || routed === undefined ? undefined : { ...routed, agent };
  };

  return async (question: AgentQuestion): Promise<ChosenAgent> => {
    const { request, history, routed, mayUse, span } = question;
    const before = chosenBefore(routed);
    if (before !== undefined) return before;
    const routing = span.child({ name: "route" });
    try {
      const previousAgent = history.findLast(({ answer }) => answer !== undefined)?.answer?.metadata?.agent;
      const byWords = route({ message: request.message, explicit: request.agent, previousAgent, mayUse });
      const chosen = (await askedModel(byWords, question, previousAgent)) ?? byWords;
      const { agent, confidence, method } = chosen;
      routing.set({
        [traceNames.agent]: agent.name,
        [traceNames.routeMethod]: method,
        [traceNames.routeConfidence]: confidence,
      });
      return { agent, confidence, method };
    } finally {
      routing.end();
    }
  };
}

/** Undefined: what words say holds. */
async function askedModel(
  byWords: Route,
  { request, classify, onAsk, spending, span, signal }: AgentQuestion,
  previousAgent: string | undefined,
): Promise<Route | undefined> {
  if (classify === undefined) return undefined;
  const open = openCandidates(byWords);
  if (open === undefined) return undefined;
  onAsk();
  const agents = open.map(({ agent }) => agent);
  const asked = { message: request.message, previousAgent, agents };
  const opinion = await classify({ ...asked, request, meter: spending?.meter("classifier"), span, signal });
  return opinion === undefined ? undefined : withOpinion(open, opinion);
}
