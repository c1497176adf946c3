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

const unknown = "Not tried yet.";
const notRun = "Its tests did not run.";

/** The row that a test is of; undefined: of none. */
function rowOf(title) {
  const [name] = title.split(":", 1);
  return rows.includes(name) && title.startsWith(`${name}:`) ? name : undefined;
}

/** The client that a test is of: the innermost heading that is no row's. */
function columnOf(titles) {
  return titles.findLast((title) => !rows.includes(title));
}

/**
 * The tests of a run, by column and row. `results`: what vitest's JSON reporter has written. Tests whose system did not start count as `skipped` there: they are
 * kept, so that a column whose tests did not run is seen.
 */
export function cellsOf({ testResults }, root) {
  const cells = new Map();
  for (const { name: file, assertionResults } of testResults) {
    for (const { ancestorTitles, title, status } of assertionResults) {
      const row = rowOf(title);
      const column = columnOf(ancestorTitles);
      if (row === undefined || column === undefined) continue;
      const ofColumn = cells.get(column) ?? new Map();
      cells.set(column, ofColumn);
      const known = ofColumn.get(row) ?? { passed: 0, failed: 0, skipped: 0, file: path.relative(root, file) };
      known[status === "passed" || status === "failed" ? status : "skipped"]++;
      ofColumn.set(row, known);
    }
  }
  return cells;
}

/**
 * How a cell stands, with its sentence. A test that is known to fail (`test.fails`) passes: then the note's key is `<row> is red`.
 */
function standing(found, note = {}, row) {
  const sentence = note[row];
  const known = note[`${row} is red`];
  if (found === undefined) return { mark: "–", sentence: sentence ?? unknown };
  if (found.failed > 0 || known !== undefined) return { mark: "✗", sentence: known ?? sentence };
  return found.passed > 0 ? { mark: "✓", sentence } : { mark: "✗", sentence: notRun };
}

/** The table as lines of Markdown, and its notes. `notes`: sentences by column and row. */
export function tableOf(cells, notes) {
  const sentences = [];
  const cell = (column, row) => {
    const found = cells.get(column)?.get(row);
    const { mark, sentence } = standing(found, notes[column], row);
    if (sentence !== undefined && !sentences.includes(sentence)) sentences.push(sentence);
    const note = sentence === undefined ? "" : ` [${sentences.indexOf(sentence) + 1}](#notes)`;
    return `${found === undefined ? mark : `[${mark}](../${found.file})`}${note}`;
  };
  const columns = columnsOf(cells);
  const lines = [`| | ${columns.join(" | ")} |`, `|---|${columns.map(() => "---|").join("")}`];
  for (const row of rows) lines.push(`| ${row} | ${columns.map((column) => cell(column, row)).join(" | ")} |`);
  return [...lines, "", "## Notes", "", ...sentences.map((text, index) => `${index + 1}. ${text}`)];
}

function columnsOf(cells) {
  return [...cells.keys()].toSorted((a, b) => a.localeCompare(b, "en"));
}

/** How many cells hold, and how many do not. */
export function countOf(cells, notes) {
  const all = columnsOf(cells).flatMap((column) =>
    rows.map((row) => standing(cells.get(column).get(row), notes[column], row)),
  );
  const of = (mark) => all.filter((cell) => cell.mark === mark).length;
  return { clients: cells.size, held: of("✓"), failed: of("✗") };
}
