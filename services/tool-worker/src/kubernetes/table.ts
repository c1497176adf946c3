/** Columns aligned by spaces, as kubectl prints them. No row may have more cells than the header. */
export function toTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => [...(line[column] ?? "")].length)));
  const toLine = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - [...cell].length))
      .join("   ")
      .trimEnd();
  return lines.map(toLine).join("\n");
}

/** A cell is one line. */
export function toCell(text: string | undefined): string {
  return (text ?? "").replace(/\s+/g, " ").trim() || "-";
}
