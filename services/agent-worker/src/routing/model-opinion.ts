import type { Opinion } from "./agent-question.ts";
import { trustIn } from "./opinion-trust.ts";
import type { Candidate, Route } from "./router.ts";

/** Below this words leave it open, which is a quarter of the labelled messages. Chosen with the working half: asking about more brought nothing more, and costs time and money. */
const sure = 0.7;

/** Those that a model could be asked about; undefined: it is decided. */
export function openCandidates({ confidence, candidates = [] }: Route): readonly Candidate[] | undefined {
  return candidates.length < 2 || confidence >= sure ? undefined : candidates;
}

/**
 * What words and a model say together: how likely each candidate is by its words, times how likely the model says what it says if that one is right.
 * A model that says "none" speaks for the agent before and for the one that answers what is nobody's, and leaves it to the words which of them.
 */
export function withOpinion(candidates: readonly Candidate[], { agent, confidence }: Opinion): Route | undefined {
  const isMeant = (one: Candidate): boolean => (agent === undefined ? one.isFallback : one.agent.name === agent);
  const meant = candidates.filter(isMeant).length;
  if (meant === 0 || meant === candidates.length) return undefined;
  const right = trustIn(confidence);
  const weighed = candidates.map((one) => ({
    ...one,
    likelihood: one.likelihood * (isMeant(one) ? right / meant : (1 - right) / (candidates.length - meant)),
  }));
  const all = weighed.reduce((sum, { likelihood }) => sum + likelihood, 0);
  const shares = weighed
    .map((one) => ({ ...one, likelihood: one.likelihood / all }))
    .toSorted((one, other) => other.likelihood - one.likelihood);
  const [best] = shares;
  if (best === undefined) return undefined;
  const method = agent !== undefined && isMeant(best) ? "model" : best.method;
  const rounded = Math.round(best.likelihood * 1_000) / 1_000;
  return { agent: best.agent, confidence: rounded, method, candidates: shares };
}
