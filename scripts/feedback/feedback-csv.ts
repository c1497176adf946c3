/** Feedback as a table for spreadsheets (RFC 4180). */

export type Row = Readonly<Record<string, unknown>>;

const columns = [
  ...["at", "conversation_id", "turn_id", "message_id", "user_id"],
  ...["agent", "model", "rating", "comment", "question", "answer"],
];

export function csvOf(rows: readonly Row[]): string[] {
  return [columns.join(","), ...rows.map((row) => columns.map((name) => cell(row[name])).join(","))];
}

/**
 * A spreadsheet runs what begins with one of these as a formula, also behind white space, and people write comments: such a cell begins with an apostrophe
 * instead (OWASP, CSV injection).
 */
const formula = /^\s*[=+\-@|%]|^[\t\r\n]/;

function cell(value: unknown): string {
  const text = typeof value === "string" ? value : "";
  const safe = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
