import { foldedText, wordsWanted } from "./list-search.ts";

/** Finding the words of a search in what was said. Pure, but for who is let through in between. */

/** Where a word stands in a text. */
interface Place {
  readonly word: number;
  readonly from: number;
  readonly to: number;
  /** It is the word, and not only begins with it. */
  readonly isWhole: boolean;
}

export interface TextHits {
  /** For each word of the search, how often it was found, and whether as a whole. */
  readonly words: readonly { readonly count: number; readonly isWhole: boolean }[];
  readonly first: Place | undefined;
}

export interface TextMatch {
  readonly wanted: readonly string[];
  hitsIn(text: string): Promise<TextHits>;
}

/** Looked at in one go: with a hundred kilobytes others would wait. */
const pieceChars = 16_384;
/** A piece ends between words, if there is such a place that near. */
const slackChars = 512;
const token = /[\p{L}\p{N}\p{M}]+/gu;
/** Places in one text that are counted. */
const mostPlaces = 100;

/** Throws INVALID_FRAME where the search is too long. `rest`: lets others through now and then. */
export function createTextMatch(query: string, rest: () => Promise<void> | undefined): TextMatch {
  const wanted = wordsWanted(query);
  return {
    wanted,
    async hitsIn(text) {
      const words = wanted.map(() => ({ count: 0, isWhole: false }));
      let first: Place | undefined;
      for (const [offset, piece] of piecesOf(text)) {
        await rest();
        const folded = foldedText(piece);
        if (!wanted.some((word) => folded.includes(word))) continue;
        for (const place of placesIn(piece, wanted)) {
          const word = words[place.word];
          if (word === undefined || word.count >= mostPlaces) continue;
          word.count++;
          word.isWhole ||= place.isWhole;
          first ??= { ...place, from: offset + place.from, to: offset + place.to };
        }
      }
      return { words, first };
    },
  };
}

function* piecesOf(text: string): Generator<[number, string]> {
  for (let from = 0; from < text.length;) {
    const to = Math.min(text.length, from + pieceChars);
    const space = to === text.length ? -1 : text.lastIndexOf(" ", to);
    const end = space > to - slackChars && space > from ? space : to;
    yield [from, text.slice(from, end)];
    from = end;
  }
}

function* placesIn(piece: string, wanted: readonly string[]): Generator<Place> {
  for (const { 0: found, index } of piece.matchAll(token)) {
    const folded = foldedText(found);
    for (const [word, text] of wanted.entries()) {
      if (!folded.startsWith(text)) continue;
      yield { word, from: index, to: index + found.length, isWhole: folded === text };
    }
  }
}

const beforeChars = 60;
const afterChars = 140;

export interface Excerpt {
  readonly text: string;
  /** Where in it the hit is. */
  readonly from: number;
  readonly to: number;
}

/** What stands around a place, in one line. */
export function excerptOf(text: string, { from, to }: Pick<Place, "from" | "to">): Excerpt {
  const line = (part: string): string => part.toWellFormed().replaceAll(/\s+/g, " ");
  const start = Math.max(0, from - beforeChars);
  const end = Math.min(text.length, to + afterChars);
  const before = `${start > 0 ? "…" : ""}${line(text.slice(start, from)).trimStart()}`;
  const hit = line(text.slice(from, to));
  const after = `${line(text.slice(to, end)).trimEnd()}${end < text.length ? "…" : ""}`;
  return { text: `${before}${hit}${after}`, from: before.length, to: before.length + hit.length };
}

/** From 0 to 1: of the words together, each more where it is there as a whole, and often. Words that were found elsewhere (`also`) count a half. */
export function scoreOf({ words }: TextHits, also: readonly boolean[]): number {
  if (words.length === 0) return 0;
  const sum = words.reduce((score, { count, isWhole }, index) => {
    if (count === 0) return score + (also[index] === true ? 0.5 : 0);
    return score + (isWhole ? 1 : 0.75) * (count / (count + 0.25));
  }, 0);
  return Math.round((sum / words.length) * 1_000) / 1_000;
}
