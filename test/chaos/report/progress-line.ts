import type { RunProgress } from "../scenario-run.ts";

const everyMs = 2_000;

/** One line that is written over on a terminal; elsewhere a line every other second. */
export function createProgressLine(out: NodeJS.WriteStream) {
  let shownAt = -Infinity;
  return {
    show({ scenario, elapsedMs, ended, turns, faults }: RunProgress): void {
      if (!out.isTTY && performance.now() - shownAt < everyMs) return;
      shownAt = performance.now();
      const line = `  ${scenario}: ${(elapsedMs / 1_000).toFixed(0)} s, ${ended} of ${turns} turns ended, ${faults} faults`;
      out.write(out.isTTY ? `\r${line}\u001B[K` : `${line}\n`);
    },
    clear(): void {
      if (out.isTTY) out.write("\r\u001B[K");
    },
  };
}
