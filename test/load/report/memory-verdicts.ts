import type { LoadOptions } from "../load-options.ts";
import type { Verdict } from "../verdict.ts";
import type { ProcessFigures } from "./process-figures.ts";

export interface MemoryFigures {
  readonly options: LoadOptions;
  readonly processes: readonly ProcessFigures[];
}

/** What an idle connection may cost an edge: with this, 18,000 of them take 72 MB. */
const maxKbPerSocket = 4;

/** What a connection costs the edges, judged by the most memory that they ever had: their garbage is counted too. */
export function socketVerdicts({ options, processes }: MemoryFigures): readonly Verdict[] {
  const edges = processes.filter(({ name }) => name.startsWith("edge"));
  const grownMb = edges.reduce((sum, { rssStartMb, rssMaxMb }) => sum + rssMaxMb - rssStartMb, 0);
  const kbPerSocket = (grownMb * 1_024) / options.users;
  const what = `memory of an edge per connection, at most ${maxKbPerSocket} KB`;
  return [{ what, says: `${kbPerSocket.toFixed(1)} KB`, isGood: kbPerSocket <= maxKbPerSocket }];
}

/** A shorter run says nothing: engines fill their heaps before they clean them, and the cache of records takes some eight minutes to be full. */
const minSeconds = 1_200;
const maxMbPerHour = 60;

/**
 * Whether Parley's own processes keep ever more, judged over the second half of the run by what full garbage collections leave: the memory of
 * the process itself goes up and down by more than an hour may add.
 */
export function memoryVerdicts({ options, processes }: MemoryFigures): readonly Verdict[] {
  const own = processes.filter(({ name }) => /^(edge|agent worker|tool worker)/.test(name));
  return own.map(({ name, liveSlopeMbPerHour }) => ({
    what: `what the ${name} keeps in memory grows by less than ${maxMbPerHour} MB/h${options.seconds < minSeconds ? " (too short a run to judge)" : ""}`,
    says: liveSlopeMbPerHour === undefined ? "no full collection" : `${liveSlopeMbPerHour} MB/h`,
    isGood: options.seconds < minSeconds || (liveSlopeMbPerHour !== undefined && liveSlopeMbPerHour < maxMbPerHour),
  }));
}
