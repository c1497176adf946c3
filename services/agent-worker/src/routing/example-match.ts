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
  const nearestOf = createNearest(owners.map(({ examples }) => examples.map((example) => vectorOf(wordsOf(example)))));

  return (message: string): ExampleMatch<Owner>[] => {
    const nearest = nearestOf(vectorOf(wordsOf(message)));
    return owners
      .map((owner, at) => ({ owner, similarity: nearest[at] ?? 0 }))
      .toSorted((one, other) => other.similarity - one.similarity);
  };
}

/** How near the nearest vector of each group is, as a cosine. Only those are looked at that have a word in common with the one. */
function createNearest(groups: readonly (readonly Vector[])[]): (one: Vector) => number[] {
  const groupOf = groups.flatMap((vectors, group) => vectors.map(() => group));
  const places = new Map<string, { readonly at: number; readonly weight: number }[]>();
  for (const [at, vector] of groups.flat().entries()) {
    for (const [word, weight] of vector) places.set(word, [...(places.get(word) ?? []), { at, weight }]);
  }
  return (one) => {
    const cosines = new Map<number, number>();
    for (const [word, weight] of one) {
      for (const place of places.get(word) ?? [])
        cosines.set(place.at, (cosines.get(place.at) ?? 0) + weight * place.weight);
    }
    const nearest = groups.map(() => 0);
    for (const [at, cosine] of cosines) {
      const group = groupOf[at] ?? 0;
      nearest[group] = Math.max(nearest[group] ?? 0, Math.min(1, cosine));
    }
    return nearest;
  };
}
