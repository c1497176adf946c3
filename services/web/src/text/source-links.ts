import type { CitedSources } from "./markdown.tsx";

/** Code first, which cites nothing; then a number in brackets that is no link, no note and no label already. */
const codeOrNumber = /```[\s\S]*?(?:```|$)|`[^`\n]*`|(?<![!\\])\[(\d{1,3})\](?![(:])/gu;

/** A text that gives numbers to addresses of its own means these. */
const definition = /^ {0,3}\[\d{1,3}\]:/mu;

/** A text of Markdown in which the numbers of sources lead to them. */
export function withSourceLinks(text: string, { count, place }: CitedSources): string {
  if (definition.test(text)) return text;
  return text.replaceAll(codeOrNumber, (found: string, number: string | undefined) => {
    const isSource = number !== undefined && Number(number) >= 1 && Number(number) <= count;
    return isSource ? `[\\[${Number(number)}\\]](#${place}${Number(number)})` : found;
  });
}
