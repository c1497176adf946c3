import { setTimeout as delay } from "node:timers/promises";
import { startSystem } from "@parley/testkit";
import { z } from "zod";
import type { Bench } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { countCpu } from "../measure/process-usage.ts";
import { interleave, medianOf } from "../measure/rounds.ts";
import { startRole } from "../measure/role.ts";
import { rounded } from "../measure/statistics.ts";

const Count = z.object({ completed: z.number(), failed: z.number() });

/** Few enough that the model, not this machine, is what they wait for. */
const slots = 20;
const answer = { tokens: 40, rate: 20 };
const message = `Count. /sim tokens=${answer.tokens} rate=${answer.rate}`;
/** More than two workers have slots: there is always somebody waiting. */
const askers = 120;
const warmUpMs = 4_000;

const sides = ["1 worker", "2 workers"] as const;

function measure(workers: number, seconds: number) {
  return withBelongings(async (own) => {
    const env = { "agent-worker": { SLOTS: String(slots), LOG_LEVEL: "warn" }, edge: { LOG_LEVEL: "warn" } };
    const system = await own(startSystem({ agentWorkers: workers, toolWorkers: 0, env }));
    const [edge] = system.edges;
    const [worker] = system.agentWorkers;
    if (edge === undefined || worker === undefined) throw new Error("the system has no edge or worker");
    const options = { port: edge.port, secret: system.jwtSecret, askers, message };
    const people = await own(startRole(new URL("askers.role.ts", import.meta.url), options));
    await people.tell("start");
    await delay(warmUpMs);
    const before = await people.ask("count", Count);
    const used = countCpu({ worker: worker.pid, edge: edge.pid, nats: system.nats.pid, redis: system.redis.pid });
    await delay(seconds * 1_000);
    const after = await people.ask("count", Count);
    const cpu = used();
    const turns = after.completed - before.completed;
    return {
      turnsPerSecond: turns / seconds,
      tokensPerSecond: (turns * answer.tokens) / seconds,
      failed: after.failed,
      turns,
      cpu,
    };
  });
}

/** What a bare loop would do: every slot always has an answer that streams. */
function ideal(workers: number): number {
  return (workers * slots * answer.rate) / answer.tokens;
}

/** Whether a second worker doubles what is answered. */
export const agent: Bench = {
  name: "agent",
  about: `turns of one agent worker and of two, with ${slots} slots each and a model that takes its time`,
  takesSeconds: 150,
  async run({ rounds, seconds, say }) {
    const runs = await interleave(sides, rounds, async (side, round) => {
      const run = await measure(sides.indexOf(side) + 1, seconds);
      say(`round ${round}, ${side}: ${rounded(run.turnsPerSecond)} turns/s`);
      return run;
    });
    const [one = 0, two = 0] = sides.map((side) => medianOf(runs.get(side), (run) => run.turnsPerSecond));
    const cpuMs = medianOf(runs.get("1 worker"), (run) => (run.cpu.worker / run.turns) * 1_000);
    const failed = Math.max(...[...runs.values()].flat().map((run) => run.failed));
    const row = (side: string, turns: number, workers: number): string[] => [
      ...[side, String(rounded(turns)), String(rounded(turns * answer.tokens)), String(ideal(workers))],
      String(rounded(turns / ideal(workers))),
    ];
    const table = [
      ["side", "turns/s", "tokens/s", "slots allow", "ratio to that"],
      row("1 worker", one, 1),
      row("2 workers", two, 2),
      ["ratio", String(rounded(two / one))],
      ["CPU ms of a worker per turn", String(rounded(cpuMs))],
    ];
    const budgets = [
      { what: "turns of two workers to those of one", value: two / one, limit: 1.9, is: ">=" },
      { what: "turns that failed", value: failed, limit: 0, is: "<=" },
    ] as const;
    return { figures: { slots, answer, askers, runs: Object.fromEntries(runs) }, table, budgets };
  },
};
