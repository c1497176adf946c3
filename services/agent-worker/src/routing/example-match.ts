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
  const cosinesOf = createCosines(texts.map(vectorOf));

  return (message: string): ExampleMatch<Owner>[] => {
    const cosines = cosinesOf(vectorOf(wordsOf(message)));
    let at = 0;
    return owners
      .map((owner) => {
        const own = cosines.subarray(at, (at += owner.examples.length));
        return { owner, similarity: Math.max(0, ...own) };
      })
      .toSorted((one, other) => other.similarity - one.similarity);
  };
}

/** The cosine of a vector with each of these. Only those are touched that have a word in common with it. */
function createCosines(vectors: readonly Vector[]): (one: Vector) => Float64Array {
  const places = new Map<string, { readonly at: number; readonly weight: number }[]>();
  for (const [at, vector] of vectors.entries()) {
    for (const [word, weight] of vector) {
      const found = places.get(word);
      if (found === undefined) places.set(word, [{ at, weight }]);
      else found.push({ at, weight });
    }
  }
  return (one) => {
    const sums = new Float64Array(vectors.length);
    for (const [word, weight] of one) {
      for (const place of places.get(word) ?? []) sums[place.at] = (sums[place.at] ?? 0) + weight * place.weight;
    }
    return sums.map((sum) => Math.min(1, sum));
  };
}
