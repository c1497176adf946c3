import { median, rounded } from "./statistics.ts";

/** Runs each side in turn, A B A B …, so that whatever else the machine does falls on both. */
export async function interleave<Side extends string, Run>(
  sides: readonly Side[],
  rounds: number,
  run: (side: Side, round: number) => Promise<Run>,
): Promise<Map<Side, Run[]>> {
  const runs = new Map<Side, Run[]>(sides.map((side) => [side, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const side of sides) runs.get(side)?.push(await run(side, round));
  }
  return runs;
}

/** The median of a figure over several runs. */
export function medianOf<Run>(runs: readonly Run[] | undefined, figure: (run: Run) => number): number {
  return rounded(median((runs ?? []).map(figure)), 4);
}
