import path from "node:path";

/** What a client of a chat needs; a test names the row that it is of: `text: …`. */
const rows = [
  "text",
  "reasoning",
  "tools",
  "parallel tools",
  "progress",
  "approval",
  "stop",
  "resume",
  "takeover",
  "error",
  "usage",
];

const marks = { passed: "✓", failed: "✗", none: "–" };

/** The row that a test is of; undefined: of none. */
function rowOf(title) {
  const [name] = title.split(":", 1);
  return rows.includes(name) && title.startsWith(`${name}:`) ? name : undefined;
}

/** The tests of a run, by column and row. `results`: what vitest's JSON reporter has written. */
export function cellsOf({ testResults }, root) {
  const cells = new Map();
  for (const { name: file, assertionResults } of testResults) {
    for (const { ancestorTitles, title, status } of assertionResults) {
      const row = rowOf(title);
      const [column] = ancestorTitles;
      if (row === undefined || column === undefined || !["passed", "failed"].includes(status)) continue;
      const ofColumn = cells.get(column) ?? new Map();
      cells.set(column, ofColumn);
      const known = ofColumn.get(row) ?? { passed: 0, failed: 0, file: path.relative(root, file) };
      known[status]++;
      ofColumn.set(row, known);
    }
  }
  return cells;
}

/** The tables as lines of Markdown, a table for each protocol. `notes`: sentences by column and row. */
export function tablesOf(cells, notes) {
  const lines = [];
  const sentences = [];
  const noted = (text) => {
    if (text === undefined) return "";
    if (!sentences.includes(text)) sentences.push(text);
    return ` [${sentences.indexOf(text) + 1}](#notes)`;
  };
  const cell = (column, row) => {
    const found = cells.get(column)?.get(row);
    const note = notes[column]?.[row];
    if (found === undefined) return `${marks.none}${noted(note ?? "Not tried yet.")}`;
    // What is red stays red, with its sentence: a test that is known to fail counts as one that failed.
    const isRed = found.failed > 0 || notes[column]?.[`${row} is red`] !== undefined;
    const mark = isRed ? marks.failed : marks.passed;
    return `[${mark}](../${found.file})${noted(isRed ? (notes[column]?.[`${row} is red`] ?? note) : note)}`;
  };
  const columns = [...cells.keys()].toSorted((a, b) => a.localeCompare(b, "en"));
  lines.push(`| | ${columns.join(" | ")} |`, `|---|${columns.map(() => "---|").join("")}`);
  for (const row of rows) lines.push(`| ${row} | ${columns.map((column) => cell(column, row)).join(" | ")} |`);
  lines.push("", "## Notes", "", ...sentences.map((text, index) => `${index + 1}. ${text}`));
  return lines;
}

/** How many cells hold, and how many do not. */
export function countOf(cells) {
  const all = [...cells.values()].flatMap((column) => [...column.values()]);
  const failed = all.filter((cell) => cell.failed > 0).length;
  return { clients: cells.size, held: all.length - failed, failed };
}
