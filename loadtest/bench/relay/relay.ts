import type { Bench, BenchContext, Budget } from "../bench.ts";
import { interleave, medianOf } from "../measure/rounds.ts";
import { grouped, rounded } from "../measure/statistics.ts";
import type { Load } from "./load.ts";
import { runRelay, type RelayRun, type Side } from "./relay-run.ts";

const sides: readonly Side[] = ["bare", "parley"];
const flushMs = 25;

const loads = [
  { name: "100x30", turns: 100, rate: 30, p99BudgetMs: 10 },
  { name: "1000x60", turns: 1_000, rate: 60, p99BudgetMs: 350 },
  { name: "1000x150", turns: 1_000, rate: 150, p99BudgetMs: undefined },
] as const;

function summarise(runs: readonly RelayRun[] | undefined) {
  const of = (figure: (run: RelayRun) => number): number => medianOf(runs, figure);
  return {
    tokensPerSecond: of((run) => run.tokensPerSecond),
    p50: of((run) => run.p50),
    p95: of((run) => run.p95),
    p99: of((run) => run.p99),
    missing: of((run) => run.expected - run.tokens),
    disorder: of((run) => run.disorder),
    frames: of((run) => run.frames),
    edgeMb: of((run) => run.edgeMb),
    cpuPerMillion: {
      writer: of((run) => run.cpuPerMillion.writer),
      nats: of((run) => run.cpuPerMillion.nats),
      edge: of((run) => run.cpuPerMillion.edge),
      viewers: of((run) => run.cpuPerMillion.viewers),
    },
    edgeMicrosPerFrame: of((run) => run.edgeMicrosPerFrame),
  };
}

type Summary = ReturnType<typeof summarise>;

const heading = [
  "load",
  "side",
  "tokens/s",
  "p50 ms",
  "p95 ms",
  "p99 ms",
  "missing",
  "writer s/M",
  "nats s/M",
  "edge s/M",
];

function row(load: string, side: string, { cpuPerMillion: cpu, ...figures }: Summary): string[] {
  const { tokensPerSecond, p50, p95, p99, missing } = figures;
  const numbers = [p50, p95, p99, missing, cpu.writer, cpu.nats, cpu.edge].map((value) => grouped(rounded(value)));
  return [load, side, grouped(Math.round(tokensPerSecond)), ...numbers];
}

async function measure(load: Load, { rounds, profileDir, say }: BenchContext) {
  const runs = await interleave(sides, rounds, async (side, round) => {
    const run = await runRelay(side, load, { profileDir });
    const { tokensPerSecond, p50, p99 } = run;
    const shown = [tokensPerSecond, p50, p99].map((value) => grouped(rounded(value, 4)));
    say(
      `${load.turns} turns at ${load.rate}/s, round ${round}, ${side}: ${shown[0]} tokens/s, p50 ${shown[1]} ms, p99 ${shown[2]} ms`,
    );
    return run;
  });
  const [bare, parley] = sides.map((side) => summarise(runs.get(side)));
  if (bare === undefined || parley === undefined) throw new Error("a side is missing");
  return { load, bare, parley, runs: Object.fromEntries(runs) };
}

/** Durable tokens from writer to socket, against the least program that could do it. */
export const relay: Bench = {
  name: "relay",
  about: "durable tokens from the writer's chain to viewers' sockets, against a bare relay",
  takesSeconds: 420,
  async run(context) {
    const figures: Record<string, Awaited<ReturnType<typeof measure>>> = {};
    const table: string[][] = [heading];
    const budgets: Budget[] = [];
    for (const { name, turns, rate, p99BudgetMs } of loads) {
      if (context.only !== undefined && !name.includes(context.only)) continue;
      const measured = await measure({ turns, rate, seconds: context.seconds, flushMs, viewersPerTurn: 1 }, context);
      figures[name] = measured;
      const { bare, parley } = measured;
      const ratio = parley.tokensPerSecond / bare.tokensPerSecond;
      table.push(row(name, "bare", bare), row(name, "parley", parley));
      const times = [parley.p50 / bare.p50, parley.p95 / bare.p95, parley.p99 / bare.p99].map((r) =>
        String(rounded(r)),
      );
      table.push([name, "ratio", String(rounded(ratio)), ...times]);
      budgets.push({ what: `${name}: tokens/s of the bare relay's`, value: ratio, limit: 0.8, is: ">=" });
      budgets.push({ what: `${name}: tokens missing`, value: parley.missing + parley.disorder, limit: 0, is: "<=" });
      if (p99BudgetMs === undefined) {
        budgets.push({ what: `${name}: tokens/s`, value: parley.tokensPerSecond, limit: 100_000, is: ">=" });
      } else budgets.push({ what: `${name}: p99 in ms`, value: parley.p99, limit: p99BudgetMs, is: "<=" });
    }
    return { figures, table, budgets };
  },
};
