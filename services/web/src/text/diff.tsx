import type { diffWordsWithSpace } from "diff";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useWords } from "../words/use-words.ts";
import { changesIn, type DiffRow } from "./diff-rows.ts";

type WordDiff = typeof diffWordsWithSpace;

/** Lines with a sign before them, as `diff -u` writes them. What is added or removed is told by sign and word, not by colour alone. */
export function Diff({ text }: { readonly text: string }) {
  const rows = useMemo(() => changesIn(text), [text]);
  const words = useWordDiff(rows.some(({ other }) => other !== undefined));
  return (
    <div className="text-diff">
      {rows.map((row, index) => (
        <Row key={index} row={row} words={words} />
      ))}
    </div>
  );
}

/** Loaded when the first change within a line is shown; without it whole lines are marked. */
function useWordDiff(isNeeded: boolean): WordDiff | undefined {
  const [words, setWords] = useState<{ readonly diff: WordDiff }>();
  useEffect(() => {
    if (!isNeeded) return undefined;
    let isGone = false;
    import("diff").then(
      (loaded) => !isGone && setWords({ diff: loaded.diffWordsWithSpace }),
      () => undefined,
    );
    return () => {
      isGone = true;
    };
  }, [isNeeded]);
  return words?.diff;
}

function Row({ row, words }: { readonly row: DiffRow; readonly words: WordDiff | undefined }) {
  const { message } = useWords();
  const { kind, line, other } = row;
  const said = kind === "added" ? message.text.added : kind === "removed" ? message.text.removed : "";
  const content = other === undefined || words === undefined ? line : marked(row, other, words);
  return (
    <div className="text-diff-row" data-kind={kind}>
      <span className="text-diff-sign" aria-hidden="true">
        {kind === "added" ? "+" : kind === "removed" ? "−" : " "}
      </span>
      {said !== "" && <span className="ui-hidden">{said} </span>}
      <span className="text-diff-line">{content}</span>
    </div>
  );
}

/** The words of a changed line that are not in its other version. */
function marked({ kind, line }: DiffRow, other: string, words: WordDiff): ReactNode {
  const [before, after] = kind === "removed" ? [line, other] : [other, line];
  return words(before, after).flatMap(({ value, added, removed }, index): ReactNode[] => {
    if (kind === "removed" ? added : removed) return [];
    return added || removed ? [<mark key={index}>{value}</mark>] : [value];
  });
}
