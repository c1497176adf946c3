import type { Source, StoredTurn, TurnRequest } from "@parley/protocol";
import { unlessAborted, type TraceSpan } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { Chain } from "./chain.ts";
import type { ChosenAgent, createChooseAgent } from "./choose-agent.ts";
import type { Classify } from "./classifier.ts";
import type { Decisions } from "./decisions.ts";
import type { createFindPassages } from "./find-passages.ts";
import { textOrNames } from "./files/attached-files.ts";
import type { FenceOf } from "./fences.ts";
import { documentsBlock } from "./retrieval/context-block.ts";
import type { TurnSpending } from "./usage/turn-spending.ts";

export interface BriefingDeps {
  readonly chooseAgent: ReturnType<typeof createChooseAgent>;
  readonly findPassages: ReturnType<typeof createFindPassages>;
  /** What is in the marks around documents; absent: nothing. */
  readonly fenceOf?: FenceOf;
}

export interface BriefingInput {
  readonly request: TurnRequest;
  readonly history: readonly StoredTurn[];
  readonly chain: Pick<Chain, "push">;
  /** Whether viewers have been told already, by a worker this one took over from. */
  readonly isTold: (step: string, message: string) => boolean;
  /** What earlier attempts have decided. */
  readonly decisions: Decisions;
  /** How the room calls an agent; absent: nobody calls it. */
  readonly nameOf?: ((agent: string) => string) | undefined;
  /** Which agents whoever asks may use. */
  readonly mayUse: (agent: string) => boolean;
  /** A model that is asked which agent it is for, where words leave it open. */
  readonly classify?: Classify | undefined;
  /** Of the attempt: what that uses counts for whoever has asked. */
  readonly spending?: Pick<TurnSpending, "meter"> | undefined;
  /** Of the turn; its reason is thrown when it is aborted. */
  readonly signal: AbortSignal;
  readonly span: TraceSpan;
}

/** Who answers, and what the model is told before the conversation. */
export interface Briefing {
  readonly agent: Agent;
  readonly confidence: number;
  readonly systemPrompt: string;
  readonly sources: readonly Source[];
}

export type Brief = ReturnType<typeof createBrief>;

/**
 * Chooses the agent and finds its documents. What viewers are told of either is what was decided: a takeover reads it (`decisions.ts`), and comes to the
 * same.
 */
export function createBrief({ chooseAgent, findPassages, fenceOf }: BriefingDeps) {
  return async ({ chain, isTold, decisions, ...given }: BriefingInput): Promise<Briefing> => {
    const input = { ...given, request: { ...given.request, message: textOrNames(given.request) } };
    const { request, history, span } = input;
    const tell = (
      step: string,
      message: string,
      known: Partial<Omit<ChosenAgent, "agent"> & { agent: string; sources: Source[] }> = {},
    ) => {
      if (!isTold(step, message)) chain.push({ type: "progress", step, message, ...known });
    };
    tell("agent_routing", "Choosing an agent");
    const onAsk = (): void => tell("agent_routing", "Asking a model which agent it is for");
    const { agent, confidence, method } = await chooseAgent({ ...input, routed: decisions.routed, onAsk });
    const name = input.nameOf?.(agent.name);
    const named = name === undefined ? {} : { name };
    tell("agent_routing", `The agent ${name ?? agent.name} answers`, {
      agent: agent.name,
      confidence,
      method,
      ...named,
    });
    if (agent.collections.length === 0) return { agent, confidence, systemPrompt: agent.systemPrompt, sources: [] };

    tell("rag_retrieval", "Searching the documents");
    const query = method === "previous" ? withQuestionBefore(request.message, history) : request.message;
    const { tenant } = request.caller ?? {};
    const finding = findPassages({ agent, query, tenant, found: decisions.sources, span });
    const { passages, sources } = await unlessAborted(finding, input.signal);
    const count = sources.length;
    tell("rag_retrieval", `Found ${count} ${count === 1 ? "passage" : "passages"}`, { sources: [...sources] });
    const systemPrompt = `${agent.systemPrompt}\n\n${documentsBlock(passages, fenceOf?.(request.turn_id))}`;
    return { agent, confidence, systemPrompt, sources: sources.map(({ passage: _passage, ...named }) => named) };
  };
}

/** "And in winter?" finds nothing without what it goes on from. */
function withQuestionBefore(message: string, history: readonly StoredTurn[]): string {
  const before = history.findLast(({ question }) => question !== undefined)?.question;
  return before === undefined ? message : `${message}\n${before.message}`;
}
