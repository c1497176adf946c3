import type { AnswerMetadata } from "@parley/protocol";

/** `metadata` of dialect C's `complete`: every field is always there. */
export interface SeedMetadata {
  readonly agent: string;
  readonly confidence: number;
  readonly context: { readonly sources: string[] };
}

/** Who answers when nobody was chosen. */
const defaultAgent = "general";

/** `confidence` is 0 when no agent was chosen, so that none was computed; sources are the titles of the documents. */
export function seedMetadata({ agent, confidence, context }: AnswerMetadata): SeedMetadata {
  return {
    agent: agent ?? defaultAgent,
    confidence: confidence ?? 0,
    context: { sources: (context?.sources ?? []).map(({ title }) => title) },
  };
}
