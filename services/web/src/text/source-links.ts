import type { CitedSources } from "./markdown.tsx";

/** Code first, which cites nothing: fenced, then between as many backticks as began it. Then a number in brackets that is no link, no note and no label already. */
const codeOrNumber =
  /(?<=^|\n) {0,3}(?<fence>`{3,}|~{3,})[\s\S]*?(?:\n {0,3}\k<fence>|$)|(?<!`)(?<ticks>`+)(?!`)[\s\S]*?(?<!`)\k<ticks>(?!`)|(?<![!\\])\[(?<number>\d{1,3})\](?![(:])/gu;

/** A text that gives numbers to addresses of its own means these. */
const definition = /^ {0,3}\[\d{1,3}\]:/mu;

/** A text of Markdown in which the numbers of sources lead to them. */
export function withSourceLinks(text: string, { count, place }: CitedSources): string {
  if (definition.test(text)) return text;
  return text.replaceAll(
    codeOrNumber,
    (found: string, _fence: unknown, _ticks: unknown, number: string | undefined) => {
      const isSource = number !== undefined && Number(number) >= 1 && Number(number) <= count;
      return isSource ? `[\\[${Number(number)}\\]](#${place}${Number(number)})` : found;
    },
  );
}
