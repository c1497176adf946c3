/** Whose messages are known by examples. */
export interface ExampleOwner {
  readonly examples: readonly string[];
}

/** What the terms of a text say of an owner. */
export interface Likeness {
  /** Cosine of the terms of the text and of the owner's nearest example, the rarer the heavier: 0 (none in common) to 1 (the same). */
  readonly nearest: number;
  /** How much likelier these terms are in one of the owner's examples than in any: a logarithm, per root of the number of terms, so that a long text is not surer of everything. */
  readonly evidence: number;
}

export interface TextLikeness {
  /** In the order of the owners. */
  readonly owners: readonly Likeness[];
  /** Different terms of the text. */
  readonly terms: number;
  /** The share of its terms, by weight, that is in any example: 0 for a text without terms. */
  readonly known: number;
}

/** A term of no example speaks against all of them alike; at full weight the name of a pod would outweigh the rest. */
const unknownWeight = 0.5;
/** So many examples' worth of the average is mixed into what an owner's examples say: with few of them a term says less. */
const smoothing = 4;

interface Term {
  /** ln(1 + examples / examples with it). */
  readonly weight: number;
  readonly examples: Int32Array;
  /** Of each of these examples' vectors, in their order. */
  readonly weights: Float64Array;
  /** Owners that have it, */
  readonly owners: Int32Array;
  /** and what that adds to the evidence of each, in their order. */
  readonly evidence: Float64Array;
}

/**
 * Compares texts with the examples of each owner, by their terms (words, or pieces of them). Built once; a text costs a look-up per term, and a step per
 * example that has it.
 */
export function createExampleSpace<Name extends string | number>(
  owners: readonly ExampleOwner[],
  termsOf: (text: string) => Name[],
) {
  const { terms, ownerOf, rarest } = indexOf(owners, termsOf);
  // What a known term says against an owner that does not have it.
  const absent = owners.map(({ examples }) => Math.log(smoothing / (examples.length + smoothing)));

  return (text: string): TextLikeness => {
    const own = new Set(termsOf(text));
    const cosines = new Float64Array(ownerOf.length);
    const evidence = new Float64Array(owners.length);
    let [squares, knownWeight, allWeight, known] = [0, 0, 0, 0];
    for (const name of own) {
      const term = terms.get(name);
      const weight = term?.weight ?? rarest * unknownWeight;
      squares += weight * weight;
      allWeight += weight;
      if (term === undefined) continue;
      knownWeight += weight;
      known++;
      addAt(cosines, term.examples, term.weights, weight);
      addAt(evidence, term.owners, term.evidence, 1);
    }
    const nearest = nearestOf(cosines, ownerOf, owners.length);
    const length = Math.sqrt(squares) || 1;
    const root = Math.sqrt(1 + own.size);
    return {
      owners: owners.map((_, owner) => ({
        nearest: Math.min(1, (nearest[owner] ?? 0) / length),
        evidence: ((evidence[owner] ?? 0) + known * (absent[owner] ?? 0)) / root,
      })),
      terms: own.size,
      known: allWeight === 0 ? 0 : knownWeight / allWeight,
    };
  };
}

/** Runs for each term of each message: with iterators it took three times as long. */
function addAt(sums: Float64Array, places: Int32Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < places.length; i++) {
    const place = places[i] ?? 0;
    sums[place] = (sums[place] ?? 0) + (values[i] ?? 0) * factor;
  }
}

function nearestOf(cosines: Float64Array, ownerOf: readonly number[], owners: number): Float64Array {
  const nearest = new Float64Array(owners);
  for (let example = 0; example < cosines.length; example++) {
    const owner = ownerOf[example] ?? 0;
    nearest[owner] = Math.max(nearest[owner] ?? 0, cosines[example] ?? 0);
  }
  return nearest;
}

function indexOf<Name extends string | number>(owners: readonly ExampleOwner[], termsOf: (text: string) => Name[]) {
  const ownerOf = owners.flatMap(({ examples }, owner) => examples.map(() => owner));
  const texts = owners.flatMap(({ examples }) => examples.map((example) => new Set(termsOf(example))));
  const places = new Map<Name, number[]>();
  for (const [example, text] of texts.entries()) {
    for (const name of text) {
      const known = places.get(name);
      if (known === undefined) places.set(name, [example]);
      else known.push(example);
    }
  }
  const weightOf = (count: number): number => Math.log(1 + texts.length / count);
  const lengths = texts.map((text) => Math.hypot(...[...text].map((name) => weightOf(places.get(name)?.length ?? 1))));
  const terms = new Map<Name, Term>();
  for (const [name, examples] of places) {
    const weight = weightOf(examples.length);
    terms.set(name, {
      weight,
      examples: Int32Array.from(examples),
      weights: Float64Array.from(examples, (example) => weight / (lengths[example] ?? 1)),
      ...evidenceOf(examples, ownerOf, texts.length),
    });
  }
  return { terms, ownerOf, rarest: weightOf(1) };
}

/** Beyond what its absence says: see `absent`. */
function evidenceOf(
  examples: readonly number[],
  ownerOf: readonly number[],
  all: number,
): Pick<Term, "owners" | "evidence"> {
  const counts = new Map<number, number>();
  for (const example of examples) {
    const owner = ownerOf[example] ?? 0;
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  const usual = (smoothing * examples.length) / all;
  return {
    owners: Int32Array.from(counts.keys()),
    evidence: Float64Array.from(counts.values(), (count) => Math.log(1 + count / usual)),
  };
}
