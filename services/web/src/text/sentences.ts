/** So much is said at a time: who listens is never more than half a minute behind. */
const mostChars = 600;

export interface Sentences {
  readonly sentences: string;
  /** Up to where the text has been said. */
  readonly end: number;
}

/** The whole sentences of a text behind `at`, without Markdown; with `isDone` what is left of it too. */
export function sentencesBehind(text: string, at: number, isDone: boolean): Sentences {
  // A text that was made anew and is shorter.
  const start = Math.min(at, text.length);
  const rest = text.slice(start);
  const length = isDone ? rest.length : endOfSentences(rest);
  const said = rest.slice(0, length);
  const spoken = plainText(isInCode(text.slice(0, start)) ? `\`\`\`\n${said}` : said);
  return { sentences: spoken.length > mostChars ? `…${spoken.slice(-mostChars)}` : spoken, end: start + length };
}

/** Whether a text that goes on here goes on in a block of code, of which nothing is said. */
function isInCode(before: string): boolean {
  return (before.match(/^ {0,3}```/gmu)?.length ?? 0) % 2 === 1;
}

function endOfSentences(text: string): number {
  let end = 0;
  for (const found of text.matchAll(/[.!?…:]["'”’)\]*_`]*\s|\n/gu)) end = found.index + found[0].length;
  return end;
}

/** What is said of Markdown. */
export function plainText(markdown: string): string {
  return markdown
    .replaceAll(/```[\s\S]*?(?:```|$)/gu, " ")
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/gu, "$1")
    .replaceAll(/^[ \t]*(?:#{1,6}|[-*+>]|\d+[.)])[ \t]+/gmu, "")
    .replaceAll(/[*_`~|]+/gu, " ")
    .replaceAll(/\s+/gu, " ")
    .trim();
}
