import { z } from "zod";

/** Rows of a tool result; the keys are lower-case column names. */
export type ResultTable = Record<string, string>[];

const MAX_DEPTH = 5;
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const kubernetesTable = z.looseObject({
  columnDefinitions: z.array(z.looseObject({ name: z.string() })),
  rows: z.array(z.looseObject({ cells: z.array(z.unknown()) })),
});
const grid = z.looseObject({ columns: z.array(z.string()), rows: z.array(z.array(z.unknown())) });
const namedRows = z.array(z.record(z.string(), z.unknown())).min(1);

/** The first table found in JSON: a Kubernetes Table, columns and rows, a list of objects, or a table as text. */
export function findTable(value: unknown, depth = 0): ResultTable | undefined {
  if (typeof value === "string") return readTextTable(value);
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return undefined;
  const table = kubernetesTable.safeParse(value).data;
  if (table !== undefined)
    return fromGrid(
      table.columnDefinitions.map((column) => column.name),
      table.rows.map((row) => row.cells),
    );
  const columns = grid.safeParse(value).data;
  if (columns !== undefined) return fromGrid(columns.columns, columns.rows);
  const rows = namedRows.safeParse(value).data;
  if (rows !== undefined) return fromObjects(rows);
  for (const inner of Object.values(value)) {
    const found = findTable(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A table as `kubectl` prints it (columns two blanks apart) or as Markdown. */
export function readTextTable(text: string): ResultTable | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const start = lines.findIndex(isHeader);
  const header = lines[start];
  if (header === undefined) return undefined;
  const body = lines.slice(start + 1).filter((line) => !/^\s*\|?[\s:|-]+$/.test(line));
  const piped = header.includes("|");
  const columns = piped ? pipedCells(header) : alignedColumns(header).map((column) => column.name);
  const cells = piped
    ? body.filter((line) => line.includes("|")).map(pipedCells)
    : body.map((line) => alignedCells(line, alignedColumns(header))).filter(isRow);
  return cells.length === 0 ? undefined : fromGrid(columns, cells);
}

/** A Markdown table, or the capitals in which `kubectl` prints column names; `Name: x` of a description is neither. */
function isHeader(line: string): boolean {
  return (
    /^\s*\|\s*(namespace|name|last seen)\b/i.test(line) || /^(NAMESPACE|NAME|LAST SEEN) {2,}[A-Z][A-Z ()-]*$/.test(line)
  );
}

/** Remarks may stand below a table; they are sentences, not cells. */
function isRow(cells: readonly string[]): boolean {
  return cells.filter((cell) => cell !== "").length > 1;
}

function pipedCells(line: string): string[] {
  return line
    .trim()
    .replace(/^\|/, "")
    .replace(/\|$/, "")
    .split("|")
    .map((cell) => cell.trim());
}

type Column = { name: string; start: number };

/** Header names contain single blanks (`LAST SEEN`), so columns begin after two. */
function alignedColumns(header: string): Column[] {
  return [...header.matchAll(/\S+(?: \S+)*/g)].map((match) => ({ name: match[0], start: match.index }));
}

/** Cells stand below their header; text that is not aligned like that is split at double blanks instead. */
function alignedCells(line: string, columns: readonly Column[]): string[] {
  const aligned = columns.every(({ start }) => start === 0 || line.length <= start || line[start - 1] === " ");
  if (!aligned) return line.trim().split(/\s{2,}/);
  return columns.map(({ start }, index) => line.slice(start, columns[index + 1]?.start).trim());
}

function fromGrid(columns: readonly string[], rows: readonly (readonly unknown[])[]): ResultTable {
  return rows.map((row) =>
    Object.fromEntries(columns.map((column, index) => [column.toLowerCase(), plain(row[index])])),
  );
}

function fromObjects(rows: readonly Record<string, unknown>[]): ResultTable | undefined {
  if (!rows.every((row) => plain(row["name"]) !== "" || typeof row["metadata"] === "object")) return undefined;
  return rows.map((row) => ({ ...plainFields(row["metadata"]), ...plainFields(row) }));
}

function plainFields(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  const fields = Object.entries(value).map(([key, field]) => [key.toLowerCase(), plain(field)] as const);
  return Object.fromEntries(fields.filter(([, text]) => text !== ""));
}

function plain(value: unknown): string {
  const parsed = scalar.safeParse(value);
  return parsed.success && parsed.data !== null ? String(parsed.data) : "";
}
