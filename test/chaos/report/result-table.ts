import type { RunResult } from "../scenario-run.ts";

const heads = ["scenario", "promises", "turns", "faults", "takeovers", "reconnects", "snapshots", "violations", "time"];

function rowOf({ scenario, tally, violations, doubt, seconds }: RunResult): string[] {
  const { turns, faults, takeovers, reconnects, snapshots } = tally;
  const found = doubt === undefined ? String(violations.length) : `${violations.length} (doubtful)`;
  const figures = [turns, faults, takeovers, reconnects, snapshots].map(String);
  return [scenario.name, scenario.promises.join(" "), ...figures, found, `${seconds.toFixed(1)} s`];
}

/** One line per scenario, with columns that line up. */
export function resultTable(results: readonly RunResult[]): string[] {
  const rows = [heads, ...results.map(rowOf)];
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}
