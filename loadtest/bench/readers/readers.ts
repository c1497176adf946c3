import type { Bench, BenchContext } from "../bench.ts";
import { medianOf } from "../measure/rounds.ts";
import { grouped, rounded } from "../measure/statistics.ts";
import { runRelay } from "../relay/relay-run.ts";
import { runReaders, type Phase, type ReadersRun } from "./readers-run.ts";

const usual = { readers: 1_000, bystanders: 20, rate: 30 };
const flushMs = 25;
/** The bare edge is one process, so it gets as many readers as one of the two. */
const bareShare = 2;

/** What the edges use more with the readers than without, for each frame to one of them. */
function microsPerReader({ without, with: crowded }: ReadersRun): number {
  return ((crowded.edgeCpuSeconds - without.edgeCpuSeconds) / crowded.seen.readers.frames) * 1_000_000;
}

async function measure({ rounds, isQuick, people, seconds, warmUpSeconds, profileDir, say }: BenchContext) {
  const readers = people?.[0] ?? usual.readers;
  const runs: { parley: ReadersRun; bareMicros: number; bareP50: number; bareP99: number }[] = [];
  for (let round = 1; round <= (isQuick ? 1 : rounds); round++) {
    const parley = await runReaders({ ...usual, readers, seconds, warmUpSeconds, profileDir });
    const viewersPerTurn = Math.ceil(readers / bareShare);
    const load = { turns: 1, rate: usual.rate, seconds: warmUpSeconds + seconds, flushMs, viewersPerTurn };
    const bare = await runRelay("bare", load, { warmUpSeconds, profileDir: undefined });
    runs.push({ parley, bareMicros: bare.edgeMicrosPerFrame, bareP50: bare.p50, bareP99: bare.p99 });
    const shown = [microsPerReader(parley), bare.edgeMicrosPerFrame].map((value) => rounded(value));
    say(`round ${round}: ${shown[0]} µs for each frame to a further reader, bare edge ${shown[1]} µs`);
  }
  return { readers, runs };
}

type Measured = Awaited<ReturnType<typeof measure>>;

function rowsOf({ readers, runs }: Measured): string[][] {
  const of = (figure: (run: ReadersRun) => number): string =>
    grouped(rounded(medianOf(runs, ({ parley }) => figure(parley))));
  const bystanders = (label: string, phase: (run: ReadersRun) => Phase): string[] => [
    ...[label, of((run) => phase(run).seen.bystanders.p50), of((run) => phase(run).seen.bystanders.p99)],
    of((run) => (phase(run).edgeCpuSeconds / phase(run).seen.bystanders.frames) * 1_000_000),
  ];
  return [
    ["who", "p50 ms", "p99 ms", "edge µs per frame"],
    bystanders("bystander, no readers", ({ without }) => without),
    [
      `reader, of ${grouped(readers)}`,
      ...[of((run) => run.with.seen.readers.p50), of((run) => run.with.seen.readers.p99), of(microsPerReader)],
    ],
    [...bystanders("bystander beside them", (run) => run.with).slice(0, 3), ""],
    [
      `bare relay, ${grouped(Math.ceil(readers / bareShare))} on one edge`,
      ...[medianOf(runs, (run) => run.bareP50), medianOf(runs, (run) => run.bareP99)].map((ms) => String(rounded(ms))),
      String(rounded(medianOf(runs, (run) => run.bareMicros))),
    ],
  ];
}

/** Many who read one conversation, and what that is to those who do not. */
export const readers: Bench = {
  name: "readers",
  about: "1,000 readers of one conversation on two edges: cost per token and reader, and what bystanders feel of it",
  takesSeconds: 420,
  async run(context) {
    const measured = await measure(context);
    const { runs } = measured;
    const lost = runs.reduce(
      (sum, { parley }) =>
        sum +
        [parley.without, parley.with].reduce((all, { missing, disorder }) => all + Math.abs(missing) + disorder, 0),
      0,
    );
    return {
      figures: measured,
      table: rowsOf(measured),
      budgets: [
        {
          ...{ what: "µs for each frame to a further reader", limit: 5, is: "<=" },
          value: medianOf(runs, ({ parley }) => microsPerReader(parley)),
        },
        { what: "tokens missing or out of order", value: lost, limit: 0, is: "<=" },
      ],
      notes: ["Readers are sockets of the conversation's owner: what rooms add (standing, signals) is no part of it."],
    };
  },
};
