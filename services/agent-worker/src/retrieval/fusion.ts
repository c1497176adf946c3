import type { FoundPassage } from "./passage.ts";
import type { AlikePassage } from "./semantic-index.ts";

/** As the paper that proposed it has it (Cormack, Clarke, Büttcher 2009): first places count, but none alone decides. */
const K = 60;

/**
 * Joins what was found by words and by meaning: a passage gets 1 / (60 + place) from each list that has it (reciprocal-rank fusion), so the two kinds of scores need
 * not be comparable. The score that is told is the better one.
 */
export function fused(
  byWords: readonly FoundPassage[],
  byMeaning: readonly AlikePassage[],
  limit: number,
): FoundPassage[] {
  const all = new Map<string, { passage: FoundPassage; rank: number }>();
  for (const [nth, passage] of byWords.entries()) all.set(passage.id, { passage, rank: 1 / (K + nth + 1) });
  for (const [nth, { passage, similarity }] of byMeaning.entries()) {
    const score = Math.round(Math.min(1, similarity) * 1_000) / 1_000;
    const known = all.get(passage.id) ?? { passage: { ...passage, score }, rank: 0 };
    const better = { ...known.passage, score: Math.max(score, known.passage.score) };
    all.set(passage.id, { passage: better, rank: known.rank + 1 / (K + nth + 1) });
  }
  return [...all.values()]
    .toSorted((one, other) => other.rank - one.rank || (one.passage.id < other.passage.id ? -1 : 1))
    .slice(0, limit)
    .map(({ passage }) => passage);
}
