/** What turns have used as a table for spreadsheets (RFC 4180). */

export type Row = Readonly<Record<string, unknown>>;

const columns = [
  ...["at", "ended_at", "tenant", "user", "conversation_id", "turn_id", "purpose", "agent", "model"],
  ...[
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost",
    "currency",
    "prices_as_of",
    "estimated",
    "status",
    "code",
  ],
];

export const header = columns.join(",");

/** In the currency, from millionths of it. */
function costOf({ cost_micros: micros }: Row): string {
  return typeof micros === "number" ? (micros / 1_000_000).toFixed(6) : "";
}

export function lineOf(row: Row): string {
  return columns.map((name) => cell(name === "cost" ? costOf(row) : row[name])).join(",");
}

/** A spreadsheet runs what begins with one of these as a formula, also behind white space, and ids come from people: such a cell begins with an apostrophe instead (OWASP, CSV injection). */
const formula = /^\s*[=+\-@|%]|^[\t\r\n]/;

function cell(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : "";
  const safe = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
