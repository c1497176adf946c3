import type { Source, StoredEvent } from "@parley/protocol";

/** Who answers, and how that came about. */
export interface Routed {
  readonly agent: string;
  readonly confidence: number;
  readonly method: string;
  /** How the room calls it; absent: there is none, or it did not say. */
  readonly name?: string | undefined;
}

/**
 * What was decided on the way to an answer, and may come out differently the next time: rules, documents and models change. Viewers are told of each
 * decision by an event that is stored in the turn's chain, and that event is the decision: it costs no other one.
 */
export interface Decisions {
  readonly routed?: Routed | undefined;
  /** The passages that the model gets to see, in their order; none: nothing was found. */
  readonly sources?: readonly Source[] | undefined;
  /** The model that answers in place of the one that was asked first; absent: none does. */
  readonly model?: string | undefined;
}

type Progress = Pick<
  Extract<StoredEvent, { type: "progress" }>,
  "step" | "agent" | "confidence" | "method" | "name" | "sources" | "model"
>;

/** The first decision of a kind counts; of models, which fail one after the other, the last one. */
export function foldDecision(decisions: Decisions, progress: Progress): Decisions {
  const { step, agent, confidence = 0, method = "default", name, sources, model } = progress;
  if (step === "agent_routing" && decisions.routed === undefined && agent !== undefined)
    return { ...decisions, routed: { agent, confidence, method, ...(name === undefined ? {} : { name }) } };
  if (step === "rag_retrieval" && decisions.sources === undefined && sources !== undefined)
    return { ...decisions, sources };
  if (step === "model" && model !== undefined) return { ...decisions, model };
  return decisions;
}
