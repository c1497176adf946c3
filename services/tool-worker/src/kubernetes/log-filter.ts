import { setImmediate } from "node:timers/promises";
import { RE2JS } from "re2js";

/** What is searched between two looks at whether the answer is still wanted: other calls of this worker get on meanwhile. */
const BATCH_BYTES = 256 * 1024;
/** More of a line is not looked at: lines of megabytes are data, and a pattern that repeats has to keep its place for each character. */
const LINE_CHARS = 16 * 1024;

export interface LineFilter {
  /** Shows only lines that match. */
  readonly grep?: string | undefined;
  /** Hides lines that match. */
  readonly exclude?: string | undefined;
  /** Lines that are shown before and after each match. */
  readonly contextLines: number;
  /** So many of the last matches are shown; all are counted. */
  readonly tail: number;
}

export interface FilteredLines {
  /** In their order; undefined: lines that do not match were left out between two that are shown. */
  readonly lines: readonly (string | undefined)[];
  readonly matches: number;
  /** How many of the oldest lines were not looked at because the time was over. */
  readonly notSearched: number;
  /** What is no pattern and was looked for as it is written. */
  readonly asText: readonly string[];
}

type Test = (line: string) => boolean;

/**
 * The lines that match, from the newest back until the time is over. Patterns are RE2's, which takes time that grows with the text and not with what a pattern could
 * mean: a regular expression from a model or a log could keep JavaScript's own busy for ever. Upper and lower case are the same.
 */
export async function filterLines(
  lines: readonly string[],
  { grep, exclude, contextLines, tail }: LineFilter,
  { signal, budgetMs }: { signal: AbortSignal; budgetMs: number },
): Promise<FilteredLines> {
  const asText: string[] = [];
  const toTest = (pattern: string | undefined): Test | undefined =>
    pattern === undefined || pattern === "" ? undefined : testOf(pattern, asText);
  const [isWanted, isExcluded] = [toTest(grep), toTest(exclude)];
  const isMatch: Test = (line) => (isWanted?.(line) ?? true) && isExcluded?.(line) !== true;
  const { matching, notSearched } = await search(lines, isMatch, { signal, budgetMs });
  const last = matching.slice(-tail);
  const shown = isWanted === undefined ? last : withContext(last, { contextLines, lines, isExcluded });
  return {
    lines: withGaps(lines, shown, isWanted !== undefined && contextLines > 0),
    matches: matching.length,
    notSearched,
    asText,
  };
}

function testOf(pattern: string, asText: string[]): Test {
  const compile = (text: string): RE2JS => RE2JS.compile(text, RE2JS.CASE_INSENSITIVE);
  let expression: RE2JS;
  try {
    expression = compile(pattern);
  } catch {
    // Not a pattern, or one that RE2 does not know or finds too large: then it is meant as it is written, or is as good as that.
    asText.push(pattern);
    expression = compile(RE2JS.quote(pattern));
  }
  return (line) => expression.test(line.length > LINE_CHARS ? line.slice(0, LINE_CHARS) : line);
}

/** The places of the lines that match, in their order. */
async function search(
  lines: readonly string[],
  isMatch: Test,
  { signal, budgetMs }: { signal: AbortSignal; budgetMs: number },
): Promise<{ matching: number[]; notSearched: number }> {
  const until = performance.now() + budgetMs;
  const matching: number[] = [];
  let batch = 0;
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index] ?? "";
    if (isMatch(line)) matching.push(index);
    batch += line.length + 1;
    if (batch < BATCH_BYTES) continue;
    batch = 0;
    if (performance.now() > until) return { matching: matching.toReversed(), notSearched: index };
    await setImmediate(undefined, { signal });
  }
  return { matching: matching.toReversed(), notSearched: 0 };
}

interface Around {
  readonly contextLines: number;
  readonly lines: readonly string[];
  readonly isExcluded: Test | undefined;
}

function withContext(matching: readonly number[], { contextLines, lines, isExcluded }: Around): number[] {
  const shown = new Set<number>();
  for (const index of matching) {
    const end = Math.min(lines.length - 1, index + contextLines);
    for (let near = Math.max(0, index - contextLines); near <= end; near++) {
      if (near === index || isExcluded?.(lines[near] ?? "") !== true) shown.add(near);
    }
  }
  return [...shown].toSorted((one, other) => one - other);
}

function withGaps(lines: readonly string[], shown: readonly number[], marksGaps: boolean): (string | undefined)[] {
  return shown.flatMap((index, place) => {
    const before = shown[place - 1];
    const isGap = marksGaps && before !== undefined && index > before + 1;
    return isGap ? [undefined, lines[index]] : [lines[index]];
  });
}
