import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Run } from "../run.ts";
import { pageOf } from "./page.ts";
import { drawPlots } from "./plots.ts";
import type { Summary } from "./summary.ts";
import { markdownOf } from "./text.ts";

/** Writes the result of a run into a folder of its own. */
export async function writeResult(folder: string, summary: Summary, run: Run): Promise<void> {
  const plots = drawPlots(run);
  await mkdir(folder, { recursive: true });
  const markdown = markdownOf(
    summary,
    plots.map(({ file }) => file),
  );
  await Promise.all([
    writeFile(path.join(folder, "summary.json"), `${JSON.stringify(summary, undefined, 2)}\n`),
    writeFile(path.join(folder, "report.md"), markdown),
    writeFile(path.join(folder, "report.html"), pageOf(summary, plots)),
    ...(summary.passed ? [] : [writeFile(path.join(folder, "logs.txt"), lastLogs(run))]),
    ...plots.map(({ file, svg }) => writeFile(path.join(folder, file), svg)),
  ]);
}

const shownBytes = 20_000;

/** The end of what each process wrote: where to look first when something failed. */
function lastLogs({ logs }: Run): string {
  return [...logs].map(([name, text]) => `== ${name}\n${text.slice(-shownBytes)}\n`).join("\n");
}
