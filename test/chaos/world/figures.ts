import { readFile } from "node:fs/promises";

/** The figures a process serves on its admin port, by their name with labels. */
export async function readFigures(adminPort: number): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`, { signal: AbortSignal.timeout(2_000) });
  if (!response.ok) throw new Error(`the admin port answers ${response.status}`);
  return parseFigures(await response.text());
}

function parseFigures(text: string): ReadonlyMap<string, number> {
  const figures = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line.startsWith("#") || line.trim() === "") continue;
    const space = line.lastIndexOf(" ");
    figures.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return figures;
}

/** The sum of a figure over its labels (all services carry one that says which they are). Undefined: there is none of that name. */
export function sumOf(figures: ReadonlyMap<string, number>, name: string): number | undefined {
  let sum: number | undefined;
  for (const [key, value] of figures) if (key === name || key.startsWith(`${name}{`)) sum = (sum ?? 0) + value;
  return sum;
}

/** Resident memory of a process. Undefined where the system does not say (no /proc). */
export async function residentBytes(pid: number): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
