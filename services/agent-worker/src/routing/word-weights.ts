/** How much a word says: the rarer it is in the texts, the more. */
export interface WordWeights {
  weightOf(word: string): number;
  knows(word: string): boolean;
  /** The weight of a word that is in one text only, the greatest there is. */
  readonly rarest: number;
}

/** Inverse document frequency, ln(1 + texts / texts with the word). A word that is in none of the texts counts as the rarest. */
export function createWordWeights(texts: readonly (readonly string[])[]): WordWeights {
  const counts = new Map<string, number>();
  for (const words of texts) for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const weightOf = (word: string) => Math.log(1 + texts.length / (counts.get(word) ?? 1));
  return { weightOf, knows: (word) => counts.has(word), rarest: Math.log(1 + texts.length) };
}
