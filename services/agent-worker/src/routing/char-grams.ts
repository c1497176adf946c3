const shortest = 3;
const longest = 5;
/** What a message asks stands at its beginning, and each letter costs a dozen look-ups. */
const maxChars = 400;
/** FNV-1a, 32 bits. */
const [offset, prime] = [0x811c9dc5, 0x01000193];

/**
 * All runs of three to five letters within the words of a text, blanks at their ends included, without accents. They find what stems and lists of words
 * do not know: other endings, compounds, slips, and words that languages share. May contain repeats. Each is its hash (31 bits): as strings they took
 * twice the time of a whole comparison. In one message of a thousand one run is taken for another, which is one term of a hundred.
 */
export function charGramsOf(text: string): number[] {
  const plain = text.slice(0, maxChars).normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  const grams: number[] = [];
  for (const word of plain.match(/[\p{L}\p{N}]+/gu) ?? []) addGrams(grams, ` ${word} `);
  return grams;
}

function addGrams(grams: number[], padded: string): void {
  for (let at = 0; at + shortest <= padded.length; at++) {
    let hash = offset;
    const end = Math.min(padded.length, at + longest);
    for (let i = at; i < end; i++) {
      hash = Math.imul(hash ^ padded.charCodeAt(i), prime);
      // Small integers are the quickest keys.
      if (i - at + 1 >= shortest) grams.push(hash >> 1);
    }
  }
}
