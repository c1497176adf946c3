import MiniSearch from "minisearch";
import { createWordWeights, type WordWeights } from "../routing/word-weights.ts";
import { wordsOf } from "../routing/words.ts";
import type { FoundPassage, Passage } from "./passage.ts";

export interface SearchQuery {
  readonly query: string;
  readonly collections: readonly string[];
  /** At most this many passages. */
  readonly limit: number;
}

/** Below it, a passage shares too little with the question to answer it. Chosen with labelled questions (see the tests). */
const MIN_SCORE = 0.35;
/** Every word is a walk through the index, and a pasted log has thousands. */
const MAX_QUERY_WORDS = 32;
const MAX_QUERY_CHARS = 2_000;
/** A word of the question that was found only by its beginning or with a typo. */
const INEXACT = 0.7;
/**
 * A question is covered when the passage has words worth this many of the rarest: a long message tells a story around its
 * question, and no passage has all of it.
 */
const FULL_COVERAGE = 4;
const BOOST = { title: 2 };
const FUZZINESS = 0.2;
const MIN_PREFIX_CHARS = 4;
const MIN_FUZZY_CHARS = 6;

/** BM25 over passages. */
export interface SearchIndex {
  readonly passages: readonly Passage[];
  passage(id: string): Passage | undefined;
  search(query: SearchQuery): FoundPassage[];
}

/** Taken in at once: a worker runs turns meanwhile. */
const SLICE = 40;

/** The index is in memory: hundreds of kilobytes of text, milliseconds for a search. It is built in slices. */
export async function buildSearchIndex(passages: readonly Passage[]): Promise<SearchIndex> {
  const texts: string[][] = [];
  for (const [nth, { title, text }] of passages.entries()) {
    if (nth % SLICE === SLICE - 1) await new Promise(setImmediate);
    texts.push(wordsOf(`${title}\n${text}`));
  }
  const weights = createWordWeights(texts);
  const index = new MiniSearch<Passage & { nth: number }>({
    idField: "nth",
    fields: ["title", "text"],
    tokenize: wordsOf,
    processTerm: (word) => word,
  });
  await index.addAllAsync(
    passages.map((passage, nth) => ({ ...passage, nth })),
    { chunkSize: SLICE },
  );
  const byId = new Map(passages.map((passage) => [passage.id, passage]));
  return { passages, passage: (id) => byId.get(id), search: createSearch(passages, index, weights) };
}

function createSearch(
  passages: readonly Passage[],
  index: Pick<MiniSearch<Passage & { nth: number }>, "search">,
  weights: WordWeights,
): SearchIndex["search"] {
  return ({ query, collections, limit }) => {
    const words = [...new Set(wordsOf(query.slice(0, MAX_QUERY_CHARS)))].slice(0, MAX_QUERY_WORDS);
    const hits = index.search(words.join(" "), {
      tokenize: (text) => text.split(" "),
      boost: BOOST,
      prefix: (word) => word.length >= MIN_PREFIX_CHARS,
      // A word that exists is meant: "live" is no typo of "five".
      fuzzy: (word) => (weights.knows(word) || word.length < MIN_FUZZY_CHARS ? false : FUZZINESS),
      filter: ({ id }) => collections.includes(passages[Number(id)]?.collection ?? ""),
    });
    const best = hits[0]?.score ?? 1;
    return hits
      .flatMap(({ id, score, terms, queryTerms }) => {
        const passage = passages[Number(id)];
        const coverage = coverageOf(words, { exact: new Set(terms), any: new Set(queryTerms) }, weights);
        return passage === undefined ? [] : [{ ...passage, score: rounded((coverage * (1 + score / best)) / 2) }];
      })
      .filter(({ score }) => score >= MIN_SCORE)
      .toSorted((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1))
      .slice(0, limit);
  };
}

interface Matched {
  /** Words of the passage. */
  readonly exact: ReadonlySet<string>;
  /** Words of the question that led to it. */
  readonly any: ReadonlySet<string>;
}

/** Which part of the question's words, weighted by rarity, the passage has. */
function coverageOf(words: readonly string[], { exact, any }: Matched, { weightOf, rarest }: WordWeights): number {
  let [found, asked] = [0, 0];
  for (const word of words) {
    const weight = weightOf(word);
    asked += weight;
    if (any.has(word)) found += exact.has(word) ? weight : weight * INEXACT;
  }
  return asked === 0 ? 0 : Math.min(1, found / Math.min(asked, FULL_COVERAGE * rarest));
}

function rounded(score: number): number {
  return Math.round(score * 1_000) / 1_000;
}
