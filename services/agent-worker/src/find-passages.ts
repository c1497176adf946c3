import { cutJsonText, limits, type Source } from "@parley/protocol";
import { traceNames, type TraceSpan } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { QuotedPassage } from "./retrieval/context-block.ts";
import type { Knowledge } from "./retrieval/knowledge.ts";
import type { FoundPassage } from "./retrieval/passage.ts";

/** Passages of the documents that the model gets to see. */
const maxPassages = 4;

export interface PassageQuestion {
  readonly agent: Agent;
  readonly query: string;
  /** What an earlier attempt has found. */
  readonly found: readonly Source[] | undefined;
  /** Of the turn. */
  readonly span: TraceSpan;
}

export interface FoundPassages {
  /** What the model gets to see. */
  readonly passages: readonly QuotedPassage[];
  /** What viewers are told of it, and what the answer names. */
  readonly sources: readonly Source[];
}

/** Finds what the agent's documents say, once: the model sees what an earlier attempt has found, as far as that is kept. */
export function createFindPassages(knowledge: Knowledge) {
  return ({ agent, query, found, span }: PassageQuestion): FoundPassages => {
    if (found !== undefined) return { passages: found.map(keptPassage), sources: found };
    const retrieval = span.child({ name: "retrieve", attributes: { [traceNames.agent]: agent.name } });
    try {
      const passages = knowledge.search({ query, collections: agent.collections, limit: maxPassages });
      retrieval.set({ [traceNames.passages]: passages.length });
      return { passages, sources: passages.map(quotedSource) };
    } finally {
      retrieval.end();
    }
  };
}

function keptPassage({ title, file = "", passage = "" }: Source): QuotedPassage {
  return { title, file, text: passage };
}

/** With what they say: who reads the answer can look. Only here, so that it is kept once, as parts of the answer; its end names them. */
function quotedSource({ title, file, text, score }: FoundPassage, nth: number): Source {
  const isShown = nth < limits.passagesPerTurn;
  return { title, file, ...(isShown ? { passage: cutJsonText(text, limits.passageBytes) } : {}), score };
}
