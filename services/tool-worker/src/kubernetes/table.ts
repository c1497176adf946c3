/** Columns aligned by spaces, as kubectl prints them. No row may have more cells than the header. */
export function toTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ""))));
  const toLine = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("   ")
      .trimEnd();
  return lines.map(toLine).join("\n");
}

/** Characters, not UTF-16 units. What a terminal makes of wide ones is its own business. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

/** A cell is one line. */
export function toCell(text: string | undefined): string {
  return (text ?? "").replace(/\s+/g, " ").trim() || "-";
}
