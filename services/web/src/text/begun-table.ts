import { isDelimiterRow } from "./block-lines.ts";

/**
 * The text of a block that may go on, with what makes a table of a head whose delimiter row is not there yet: shown as text it would become a table a moment
 * later, and all below it would move. Only a line that begins with `|` is taken for a head.
 */
export function withTableBegun(text: string): string {
  const [head = "", begun = "", ...rest] = text.split("\n");
  if (!/^ {0,3}\|/u.test(head) || rest.length > 0) return text;
  if (text.includes("\n") && begun.trim() !== "") {
    const mayBecome = /^ {0,3}\|?[ \t:|-]*$/u.test(begun);
    return mayBecome ? `${head}\n${delimitersFor(head, begun)}` : text;
  }
  const row = head.trimEnd();
  // A `|` alone is the beginning of the first cell.
  const isClosed = row.trim() !== "|" && /(?<!\\)\|$/u.test(row);
  return `${isClosed ? row : `${row} |`}\n${delimitersFor(head, "")}`;
}

/** What is there of the row, filled up to as many columns as the head has. */
function delimitersFor(head: string, begun: string): string {
  const there = cellsIn(begun).map((cell) => (isDelimiterRow(`|${cell}|`) ? cell : "-"));
  const columns = Math.max(1, cellsIn(head).length);
  const row = Array.from({ length: columns }, (_, place) => there[place] ?? "-");
  return `|${row.join("|")}|`;
}

/** Cells of a row; one that was begun counts. */
function cellsIn(row: string): string[] {
  const inner = row
    .trim()
    .replace(/^\|/u, "")
    .replace(/(?<!\\)\|$/u, "");
  return inner === "" ? [] : inner.split(/(?<!\\)\|/u);
}
