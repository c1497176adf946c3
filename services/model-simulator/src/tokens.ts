/** A word with the blanks before it; very long words come in pieces, as they do from real tokenizers. */
const TOKEN = /\s*\S{1,16}|\s+$/g;

/** Pieces that give the text back when joined. */
export function* splitTokens(text: string): Generator<string, void> {
  for (const match of text.matchAll(TOKEN)) yield match[0];
}

export function countTokens(text: string): number {
  let count = 0;
  for (const _token of text.matchAll(TOKEN)) count += 1;
  return count;
}

/** The text of the first `count` tokens. */
export function firstTokens(text: string, count: number): string {
  let seen = 0;
  for (const match of text.matchAll(TOKEN)) {
    seen += 1;
    if (seen === count) return text.slice(0, match.index + match[0].length);
  }
  return text;
}
