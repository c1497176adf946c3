const shortest = 3;
const longest = 5;
/** What a message asks stands at its beginning, and each letter costs a dozen look-ups. */
const maxChars = 400;

/**
 * All runs of three to five letters within the words of a text, blanks at their ends included, without accents. They find what stems and lists of words
 * do not know: other endings, compounds, slips, and words that languages share. May contain repeats.
 */
export function charGramsOf(text: string): string[] {
  const plain = text.slice(0, maxChars).normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? []).flatMap(gramsOfWord);
}

function gramsOfWord(word: string): string[] {
  const padded = ` ${word} `;
  const grams: string[] = [];
  for (let length = shortest; length <= longest; length++) {
    for (let at = 0; at + length <= padded.length; at++) grams.push(padded.slice(at, at + length));
  }
  return grams;
}
