import type { RunResult } from "../scenario-run.ts";

const heads = ["scenario", "promises", "turns", "faults", "takeovers", "reconnects", "snapshots", "violations", "time"];

function rowOf({ scenario, tally, violations, doubt, seconds }: RunResult): string[] {
  const { turns, faults, takeovers, reconnects, snapshots } = tally;
  const found = doubt === undefined ? String(violations.length) : `${violations.length} (doubtful)`;
  const figures = [turns, faults, takeovers, reconnects, snapshots].map(String);
  return [scenario.name, scenario.promises.join(" "), ...figures, found, `${seconds.toFixed(1)} s`];
}

/** How soon turns went on that waited for people, of the scenarios in which some did. */
export function decisionLines(results: readonly RunResult[]): string[] {
  return results.flatMap(({ scenario, tally: { goesOnAfterMs } }) => {
    if (goesOnAfterMs.length === 0) return [];
    const sorted = goesOnAfterMs.toSorted((one, other) => one - other);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    const times = `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, at most ${sorted.at(-1)} ms`;
    return `  ${scenario.name}: from ${sorted.length} decisions to the claims of their turns ${times}`;
  });
}

/** One line per scenario, with columns that line up. */
export function resultTable(results: readonly RunResult[]): string[] {
  const rows = [heads, ...results.map(rowOf)];
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}
