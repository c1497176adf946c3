import type { Harm } from "../neighbour/harm.ts";
import type { Finding, FuzzResult } from "./run.ts";

const shownInputChars = 600;

/** How to try one finding once more. */
export function findingLines({ kind, at, problem, input }: Finding, seed: number): string[] {
  const again =
    kind === "edge" ? `npm run fuzz -- --seed ${seed}` : `npm run fuzz -- --seed ${seed} --only ${kind} --input ${at}`;
  return [
    `${kind}: ${problem}`,
    ...(input === "" ? [] : [`  sent: ${input.slice(0, shownInputChars)}`]),
    `  again: ${again}`,
  ];
}

function times(value: number): string {
  return `${value.toFixed(1)} times`;
}

/** In words, for people who run it. */
function harmLine({ againstBefore, againstBeside, isHarmed }: Harm): string {
  const than = (name: string, { pingMs, firstTokenMs }: Harm["againstBefore"]): string =>
    `${name} ${times(pingMs)} (ping), ${times(firstTokenMs)} (first token)`;
  const said = [than("before", againstBefore), than("somebody on another edge", againstBeside)].join("; ");
  return `the neighbour's p99 against that of ${said}: ${isHarmed ? "HARMED" : "well"}`;
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The closing table. */
export function resultLines({ tallies, before, after, harm, findings }: FuzzResult): string[] {
  const rows = [
    ["kind", "inputs", "answers", "findings"],
    ...tallies.map((tally) => [tally.kind, tally.inputs, tally.answers, tally.findings].map(String)),
  ];
  const [first = 0, ...others] = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return [
    ...rows.map(([name = "", ...cells]) =>
      [name.padEnd(first), ...cells.map((cell, column) => cell.padStart(others[column] ?? 0))].join("  "),
    ),
    "",
    `memory of the edge: ${mib(before.heapBytes)} before, ${mib(after.heapBytes)} after`,
    harmLine(harm),
    findings.length === 0 ? "nothing found" : `${findings.length} FINDINGS`,
  ];
}
