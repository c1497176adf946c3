import { cutJsonText, limits, type Source, type StoredTurn, type TurnRequest } from "@parley/protocol";
import { traceNames, type TraceSpan } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { Chain } from "./chain.ts";
import type { FenceOf } from "./guards/fences.ts";
import { documentsBlock } from "./retrieval/context-block.ts";
import type { Knowledge } from "./retrieval/knowledge.ts";
import type { FoundPassage } from "./retrieval/search-index.ts";
import type { Route, createRouter } from "./routing/router.ts";

export interface BriefingDeps {
  readonly route: ReturnType<typeof createRouter>;
  readonly knowledge: Knowledge;
  /** What is in the marks around documents; absent: nothing. */
  readonly fenceOf?: FenceOf;
}

export interface BriefingInput {
  readonly request: TurnRequest;
  readonly history: readonly StoredTurn[];
  readonly chain: Chain;
  /** Whether viewers have been told already, by a worker this one took over from. */
  readonly isTold: (step: string, message: string) => boolean;
  /** Which agents whoever asks may use. */
  readonly mayUse: (agent: string) => boolean;
  /** Of the turn. */
  readonly span: TraceSpan;
}

/** Who answers, and what the model is told before the conversation. */
export interface Briefing {
  readonly agent: Agent;
  readonly confidence: number;
  readonly systemPrompt: string;
  readonly sources: readonly Source[];
}

/** Passages of the documents that the model gets to see. */
const maxPassages = 4;

export type Brief = ReturnType<typeof createBrief>;

/** Chooses the agent and finds its documents. Pure but for what it tells the viewers: a takeover comes to the same. */
export function createBrief({ route, knowledge, fenceOf }: BriefingDeps) {
  const search = (agent: Agent, query: string) =>
    knowledge.search({ query, collections: agent.collections, limit: maxPassages });

  const chooseAgent = ({ request, history, mayUse, span }: BriefingInput): Route => {
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

  const retrieve = (agent: Agent, query: string, span: TraceSpan) => {
    const retrieval = span.child({ name: "retrieve", attributes: { [traceNames.agent]: agent.name } });
    const passages = search(agent, query);
    retrieval.set({ [traceNames.passages]: passages.length });
    retrieval.end();
    return passages;
  };

  return (input: BriefingInput): Briefing => {
    const { request, history, chain, isTold, span } = input;
    const tell = (
      step: string,
      message: string,
      known: Partial<Omit<Route, "agent"> & { agent: string; sources: Source[] }> = {},
    ) => {
      if (!isTold(step, message)) chain.push({ type: "progress", step, message, ...known });
    };
    tell("agent_routing", "Choosing an agent");
    const { agent, confidence, method } = chooseAgent(input);
    tell("agent_routing", `The agent ${agent.name} answers`, { agent: agent.name, confidence, method });
    if (agent.collections.length === 0) return { agent, confidence, systemPrompt: agent.systemPrompt, sources: [] };

    tell("rag_retrieval", "Searching the documents");
    const query = method === "previous" ? withQuestionBefore(request.message, history) : request.message;
    const passages = retrieve(agent, query, span);
    const sources = passages.map(({ title, file, score }) => ({ title, file, score }));
    // With what they say: who reads the answer can look. Only here, so that it is kept once, as parts of the answer; its end names them.
    const quoted = passages.map(quotedSource);
    tell("rag_retrieval", `Found ${quoted.length} ${quoted.length === 1 ? "passage" : "passages"}`, {
      sources: quoted,
    });
    const documents = documentsBlock(passages, fenceOf?.(request.turn_id));
    return { agent, confidence, systemPrompt: `${agent.systemPrompt}\n\n${documents}`, sources };
  };
}

function quotedSource({ title, file, text, score }: FoundPassage, nth: number): Source {
  const isShown = nth < limits.passagesPerTurn;
  return { title, file, ...(isShown ? { passage: cutJsonText(text, limits.passageBytes) } : {}), score };
}

/** "And in winter?" finds nothing without what it goes on from. */
function withQuestionBefore(message: string, history: readonly StoredTurn[]): string {
  const before = history.findLast(({ question }) => question !== undefined)?.question;
  return before === undefined ? message : `${message}\n${before.message}`;
}
