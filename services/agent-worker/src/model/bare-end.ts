/**
 * What an end of reasoning that has no beginning means, in text that viewers have. `reasoning`: the template has opened it, and all before the end was
 * reasoning. `doubtful`: it may as well be the text of somebody who writes about such tags. `text`: it is quoted, in code, or a word of a sentence.
 */
export type BareEnd = "reasoning" | "doubtful" | "text";

/** `said`: all text before the end. `after`: what follows it, white space and at least one more character. */
export function judgeBareEnd(said: string, after: string): BareEnd {
  if (isPartOfText(said, after.slice(0, 1))) return "text";
  return isDoubtful(said, after) ? "doubtful" : "reasoning";
}

/** `next`: the character behind the end. */
export function isPartOfText(said: string, next: string): boolean {
  const previous = said.slice(-1);
  const isQuoted = /["'`“”‘’«»(]/.test(previous) || /["'`“”‘’«»).,;:]/.test(next);
  const isWord = /[^\S\n]/.test(previous) && /[^\S\n]/.test(next);
  return isQuoted || isWord || isItem.test(said) || isInCode(said);
}

/** What begins an item of a list, a quotation, a heading or a cell of a table, and nothing of it. */
const isItem = /(?:^|\n)[^\S\n]*(?:[-*+>#|]+|\d{1,3}[.)])[^\S\n]*$/;

const fence = /^[\s>*-]*(```|~~~)[^`]*$/;
const indented = /^(?: {4}|\t)/;

/** Whether a text ends in code. A backtick is without effect on other paragraphs: a stray one is no code. */
function isInCode(text: string): boolean {
  const lines = text.split("\n");
  let open: string | undefined;
  let ticks = 0;
  for (const line of lines) {
    const mark = fence.exec(line)?.[1];
    if (open !== undefined) {
      if (mark === open) open = undefined;
    } else if (mark !== undefined) open = mark;
    else ticks = line.trim() === "" ? 0 : ticks + line.split("`").length - 1;
  }
  return open !== undefined || ticks % 2 === 1 || indented.test(lines.at(-1) ?? "");
}

/** Templates have the end on a line of its own with a blank line behind it, or right behind the reasoning. */
function isDoubtful(said: string, after: string): boolean {
  const isLine = said.slice(said.lastIndexOf("\n") + 1).trim() === "";
  const lineFeeds = after.slice(0, after.length - after.trimStart().length).split("\n").length - 1;
  const isAnnounced = said.trimEnd().endsWith(":");
  return (isLine && lineFeeds === 1) || isAnnounced || isAboutTags.test(said);
}

const isAboutTags = /<\/?[a-z]|\btags?\b/i;
