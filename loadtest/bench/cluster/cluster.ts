import { startNatsCluster } from "@parley/testkit";
import { z } from "zod";
import type { Bench } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { countCpu } from "../measure/process-usage.ts";
import { interleave, medianOf } from "../measure/rounds.ts";
import { startRole } from "../measure/role.ts";
import { grouped, rounded } from "../measure/statistics.ts";

const Appended = z.object({ appends: z.number(), refused: z.number(), p50: z.number(), p99: z.number() });
const sides = ["1 copy", "3 copies"] as const;
const chains = 200;

function measure(side: (typeof sides)[number], seconds: number) {
  return withBelongings(async (own) => {
    const replicas = side === "1 copy" ? 1 : 3;
    const { servers, url } = await own(startNatsCluster(replicas));
    const options = { nats: url, replicas, chains, ms: seconds * 1_000 };
    const writer = await own(startRole(new URL("appends.role.ts", import.meta.url), options));
    const used = countCpu(Object.fromEntries(servers.map(({ pid }, index) => [`n${index}`, pid])));
    const appended = await writer.ask("append", Appended);
    const cpu = Object.values(used()).reduce((sum, each) => sum + each, 0);
    const microsPerAppend = (cpu / appended.appends) * 1_000_000;
    return { ...appended, perSecond: appended.appends / seconds, microsPerAppend };
  });
}

/** What the second and third copy of every event cost the broker. */
export const cluster: Bench = {
  name: "cluster",
  about: `fenced appends of ${chains} chains into a stream with one copy and with three, on as many servers`,
  takesSeconds: 100,
  async run({ rounds, seconds, say }) {
    const runs = await interleave(sides, rounds, async (side, round) => {
      const run = await measure(side, seconds);
      say(`round ${round}, ${side}: ${grouped(Math.round(run.perSecond))} appends/s`);
      return run;
    });
    const rows = sides.map((side) => {
      const of = (figure: (run: Awaited<ReturnType<typeof measure>>) => number): number =>
        medianOf(runs.get(side), figure);
      return {
        side,
        perSecond: of((r) => r.perSecond),
        p50: of((r) => r.p50),
        p99: of((r) => r.p99),
        micros: of((r) => r.microsPerAppend),
      };
    });
    const [one, three] = rows;
    const ratio = rounded((three?.micros ?? 0) / (one?.micros ?? 1));
    const table = [
      ["stream", "appends/s", "p50 ms", "p99 ms", "µs of all servers per append"],
      ...rows.map(({ side, perSecond, p50, p99, micros }) => {
        return [side, ...[perSecond, p50, p99, micros].map((value) => grouped(rounded(value)))];
      }),
      ["ratio", "", "", "", String(ratio)],
    ];
    return { figures: { rows, replicaFactor: ratio, runs: Object.fromEntries(runs) }, table, budgets: [] };
  },
};
