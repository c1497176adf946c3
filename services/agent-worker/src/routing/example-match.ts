import { createWordWeights } from "./word-weights.ts";
import { wordsOf } from "./words.ts";

export interface ExampleOwner {
  readonly name: string;
  readonly examples: readonly string[];
}

export interface ExampleMatch<Owner> {
  readonly owner: Owner;
  /** 0: no word in common with any example. 1: the words of an example. */
  readonly similarity: number;
}

/** A word of no example speaks against all of them alike; at full weight the name of a pod would outweigh the rest. */
const UNKNOWN = 0.5;

type Vector = ReadonlyMap<string, number>;

/**
 * Compares a message with the example utterances of each owner: the cosine of their words, weighted by rarity, of the
 * example that is nearest. Returns every owner, the nearest first; equal ones in the order they were given.
 */
export function createExampleMatch<Owner extends ExampleOwner>(owners: readonly Owner[]) {
  const texts = owners.flatMap(({ examples }) => examples.map(wordsOf));
  const { weightOf, knows } = createWordWeights(texts);
  const vectorOf = (words: readonly string[]): Vector => {
    const weighted = [...new Set(words)].map((word): [string, number] => [
      word,
      knows(word) ? weightOf(word) : weightOf(word) * UNKNOWN,
    ]);
    const length = Math.hypot(...weighted.map(([, weight]) => weight));
    return new Map(weighted.map(([word, weight]) => [word, weight / length]));
  };
  const known = owners.map((owner) => ({
    owner,
    vectors: owner.examples.map((example) => vectorOf(wordsOf(example))),
  }));

  return (message: string): ExampleMatch<Owner>[] => {
    const asked = vectorOf(wordsOf(message));
    return known
      .map(({ owner, vectors }) => ({
        owner,
        similarity: Math.max(0, ...vectors.map((vector) => cosine(asked, vector))),
      }))
      .toSorted((one, other) => other.similarity - one.similarity);
  };
}

function cosine(one: Vector, other: Vector): number {
  let sum = 0;
  for (const [word, weight] of one) sum += weight * (other.get(word) ?? 0);
  return Math.min(1, sum);
}
