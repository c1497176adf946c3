/** Lines of a table with aligned columns: text to the left, figures to the right. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) => `  ${row.map((cell, column) => padded(cell, widths[column] ?? 0)).join("  ")}`.trimEnd());
}

function padded(cell: string, width: number): string {
  return /^[-\d]/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
}
