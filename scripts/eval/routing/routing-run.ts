import type { Agent } from "../../../services/agent-worker/src/agents/agent.ts";
import type { Opinion } from "../../../services/agent-worker/src/routing/agent-question.ts";
import { openCandidates, withOpinion } from "../../../services/agent-worker/src/routing/model-opinion.ts";
import { createRouter, type Route } from "../../../services/agent-worker/src/routing/router.ts";
import { evaluatedTurn, type AskedModel } from "./asked-model.ts";
import type { Routed } from "./figures.ts";
import type { Utterance } from "./labelled-set.ts";

/** What a model said of an utterance that words left open. */
export interface Asked {
  readonly utterance: Utterance;
  readonly byWords: string;
  readonly opinion: Opinion | undefined;
}

export interface RoutingRun {
  readonly routed: readonly Routed[];
  readonly asked: readonly Asked[];
}

export interface RoutingRunOptions {
  readonly agents: readonly Agent[];
  readonly utterances: readonly Utterance[];
  readonly model?: AskedModel | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** Requests to the model at a time. */
const atOnce = 4;

/** Routes each utterance as a worker does, in their order. */
export async function routeAll({
  agents,
  utterances,
  model,
  signal,
  onProgress,
}: RoutingRunOptions): Promise<RoutingRun> {
  const route = createRouter(agents);
  const routes: Route[] = utterances.map(({ say, previous }) => route({ message: say, previousAgent: previous }));
  const asked: Asked[] = [];
  const left = [...utterances.keys()];
  const work = async (classify: AskedModel["classify"]): Promise<void> => {
    for (let at = left.shift(); at !== undefined; at = left.shift()) {
      const [byWords, utterance] = [routes[at], utterances[at]];
      const open = byWords === undefined ? undefined : openCandidates(byWords);
      onProgress(utterances.length - left.length);
      if (open === undefined || byWords === undefined || utterance === undefined) continue;
      const names = open.map(({ agent }) => agent);
      const question = { message: utterance.say, previousAgent: utterance.previous, agents: names, signal };
      const opinion = await classify({ ...question, ...evaluatedTurn(at) });
      asked.push({ utterance, byWords: byWords.agent.name, opinion });
      routes[at] = (opinion === undefined ? undefined : withOpinion(open, opinion)) ?? byWords;
    }
  };
  if (model !== undefined) await Promise.all(Array.from({ length: atOnce }, () => work(model.classify)));
  const routed = utterances.flatMap((utterance, at): Routed[] => {
    const chosen = routes[at];
    if (chosen === undefined) return [];
    return [{ utterance, agent: chosen.agent.name, confidence: chosen.confidence, method: chosen.method }];
  });
  return { routed, asked };
}
