import { ChatError } from "@parley/protocol";

/** Finding conversations by the words of their titles. */

const maxQueryChars = 200;
const maxWords = 8;

/** Whether a text has a word that begins with each of those that are looked for. */
export type Matches = (text: string) => boolean;

/** A text as it is compared: in small letters, without accents and other marks, compatible forms as one (`ﬁ`, full width). */
export function foldedText(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .toLowerCase()
    .replaceAll("ß", "ss");
}

/** What is neither letter nor digit parts words. Scripts without spaces are one long word each, of which the beginning is found. */
function wordsIn(text: string): string[] {
  return foldedText(text).match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The words that are looked for. Throws INVALID_FRAME where that is too much. */
export function wordsWanted(query: string): string[] {
  if (Array.from(query).length > maxQueryChars) throw tooMuch(`at most ${maxQueryChars} characters`);
  const wanted = [...new Set(wordsIn(query))];
  if (wanted.length > maxWords) throw tooMuch(`at most ${maxWords} words`);
  return wanted;
}

/** Words in any order, each by its beginning. Undefined: nothing is looked for. Throws INVALID_FRAME where that is too much. */
export function matcherOf(query: string): Matches | undefined {
  const wanted = wordsWanted(query);
  // What has no letters at all is found nowhere, and is not the same as no search.
  if (wanted.length === 0) return query.trim() === "" ? undefined : () => false;
  return (text) => {
    const words = wordsIn(text);
    return wanted.every((word) => words.some((one) => one.startsWith(word)));
  };
}

function tooMuch(most: string): ChatError {
  return new ChatError("INVALID_FRAME", { message: `The search is too long: ${most}.` });
}
