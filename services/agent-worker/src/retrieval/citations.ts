import type { AnswerMetadata } from "@parley/protocol";

const CODE = /```[\s\S]*?```|`[^`\n]*`/g;
/** `[1]`, `[1, 2]`, and as some models write it, `【1】`. */
const CITED = /(?:\[|【)(\d{1,3}(?:\s*,\s*\d{1,3})*)(?:\]|】)/g;

/** The numbers of sources that a text cites, in the order in which they first come. A number that no source has is none; what stands in code is none. */
export function citedIn(text: string, sources: number): number[] {
  if (sources === 0) return [];
  const numbers = [...text.replaceAll(CODE, "").matchAll(CITED)].flatMap(([, list = ""]) =>
    list.split(",").map(Number),
  );
  return [...new Set(numbers)].filter((number) => number >= 1 && number <= sources);
}

type Context = NonNullable<AnswerMetadata["context"]>;

/** What the answer of an agent with documents rests on. */
export function groundsOf(text: string, sources: number): Pick<Context, "found" | "cited"> {
  return { found: sources, cited: citedIn(text, sources) };
}
