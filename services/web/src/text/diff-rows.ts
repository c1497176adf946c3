export interface DiffRow {
  readonly kind: "added" | "removed" | "same" | "place";
  /** Without its sign. */
  readonly line: string;
  /** What it was, or became, where lines changed one by one. */
  readonly other?: string;
}

/** A line beyond it is not compared word by word. */
const comparedChars = 400;

/** The rows of a change. As many removed lines as there are added ones behind them were changed one by one. */
export function changesIn(text: string): DiffRow[] {
  const rows = text.split("\n").map(rowOf);
  for (let at = 0; at < rows.length;) {
    const removed = runOf(rows, at, "removed");
    const added = runOf(rows, at + removed, "added");
    if (removed > 0 && removed === added) pair(rows, at, removed);
    at += Math.max(1, removed + added);
  }
  return rows;
}

function rowOf(line: string): DiffRow {
  if (line.startsWith("@@")) return { kind: "place", line };
  const sign = line[0];
  if (sign === "+") return { kind: "added", line: line.slice(1) };
  if (sign === "-") return { kind: "removed", line: line.slice(1) };
  return { kind: "same", line: sign === " " ? line.slice(1) : line };
}

function runOf(rows: readonly DiffRow[], start: number, kind: DiffRow["kind"]): number {
  let end = start;
  while (rows[end]?.kind === kind) end += 1;
  return end - start;
}

function pair(rows: DiffRow[], start: number, count: number): void {
  for (let at = start; at < start + count; at += 1) {
    const [one, other] = [rows[at], rows[at + count]];
    if (one === undefined || other === undefined) return;
    if (one.line.length > comparedChars || other.line.length > comparedChars) continue;
    rows[at] = { ...one, other: other.line };
    rows[at + count] = { ...other, other: one.line };
  }
}
