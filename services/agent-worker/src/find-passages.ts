import { cutJsonText, limits, sourcesPath, type Source } from "@parley/protocol";
import { replacePersonalData, traceNames, type TraceSpan } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { QuotedPassage } from "./retrieval/context-block.ts";
import type { Retriever } from "./retrieval/retriever.ts";
import type { FoundPassage } from "./retrieval/passage.ts";

/** Passages of the documents that the model gets to see. */
const maxPassages = 4;

export interface PassageQuestion {
  readonly agent: Agent;
  readonly query: string;
  /** Of whoever asks. */
  readonly tenant: string | undefined;
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

/**
 * Finds what the agent's documents say, once: the model sees the passages that an earlier attempt has found. Of one that is not in the index any more it
 * sees what is kept with the turn.
 */
export function createFindPassages(retriever: Retriever) {
  return async ({ agent, query, tenant, found, span }: PassageQuestion): Promise<FoundPassages> => {
    const { collections } = agent;
    const kept = async ({ id = "", title, file = "", passage = "" }: Source): Promise<QuotedPassage> =>
      (await retriever.passage(id, collections, tenant)) ?? { title, file, text: passage };
    if (found !== undefined) return { passages: await Promise.all(found.map(kept)), sources: found };
    const retrieval = span.child({ name: "retrieve", attributes: { [traceNames.agent]: agent.name } });
    try {
      const shown = agent.maskBeforeProvider === true ? withoutPersonalData(query) : query;
      const passages = await retriever.search({ query, shown, collections, limit: maxPassages, tenant });
      retrieval.set({ [traceNames.passages]: passages.length });
      return { passages, sources: passages.map(quotedSource) };
    } finally {
      retrieval.end();
    }
  };
}

function withoutPersonalData(text: string): string {
  return replacePersonalData(text, (_found, kind) => `[${kind}]`);
}

/** With what they say: who reads the answer can look. Only here, so that it is kept once, as parts of the answer; its end names them. */
function quotedSource({ id, title, heading, file, text, score }: FoundPassage, nth: number): Source {
  const isShown = nth < limits.passagesPerTurn;
  const passage = isShown ? { passage: cutJsonText(text, limits.passageBytes) } : {};
  return { title, id, file, heading, link: `${sourcesPath}/${id}`, ...passage, score };
}
