/** A title as it is kept: in one line, without white space around it. Control characters, which lists and terminals would obey, are white space too. */
export function titleLine(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
}
