import type { Bench, BenchContext, Budget } from "../bench.ts";
import { interleave, medianOf } from "../measure/rounds.ts";
import { rounded } from "../measure/statistics.ts";
import { runRelay, type Side } from "./relay-run.ts";

const sides: readonly Side[] = ["bare", "parley"];

const audiences = [
  { name: "1-viewer", turns: 400, viewersPerTurn: 1 },
  { name: "10-viewers", turns: 100, viewersPerTurn: 10 },
] as const;

/** Slow enough that nothing waits: every append is a frame of its own, and no two frames share a system call by accident. */
const rate = 30;
const flushMs = 25;

async function measure(audience: (typeof audiences)[number], context: BenchContext) {
  const { rounds, warmUpSeconds, profileDir, say } = context;
  const { name, ...counts } = audience;
  const seconds = warmUpSeconds + context.seconds;
  const runs = await interleave(sides, rounds, async (side, round) => {
    const run = await runRelay(side, { ...counts, rate, seconds, flushMs }, { warmUpSeconds, profileDir });
    say(`${name}, round ${round}, ${side}: ${rounded(run.edgeMicrosPerFrame)} µs per frame`);
    return run;
  });
  const [bare, parley] = sides.map((side) => medianOf(runs.get(side), (run) => run.edgeMicrosPerFrame));
  return { name, bare: bare ?? 0, parley: parley ?? 0, ratio: rounded((parley ?? 0) / (bare ?? 1)) };
}

type Measured = Awaited<ReturnType<typeof measure>>;

/** What is done for a frame as such, and what for each who gets it. */
function budgetsOf(measured: readonly Measured[]): Budget[] {
  const [one, ten] = audiences.map(({ name }) => measured.find((other) => other.name === name)?.parley);
  const most = audiences[1].viewersPerTurn;
  const first = { what: "µs per frame with one viewer", value: one ?? 0, limit: 18, is: "<=" as const };
  if (one === undefined || ten === undefined) return one === undefined ? [] : [first];
  const further = (ten * most - one) / (most - 1);
  return [first, { what: "µs for each further viewer", value: further, limit: 5, is: "<=" }];
}

/** What one frame to one viewer costs the edge. */
export const edgeCpu: Bench = {
  name: "edge-cpu",
  about: "processor time of the edge per frame delivered, with 1 and 10 viewers per conversation",
  takesSeconds: 480,
  async run(context) {
    const measured = [];
    for (const audience of audiences) {
      if (context.only === undefined || audience.name.includes(context.only))
        measured.push(await measure(audience, context));
    }
    const rows = measured.map(({ name, bare, parley, ratio }) => [name, ...[bare, parley, ratio].map(String)]);
    const table = [["audience", "bare µs", "parley µs", "ratio"], ...rows];
    return { figures: measured, table, budgets: budgetsOf(measured) };
  },
};
