import { setTimeout as delay } from "node:timers/promises";
import { startSystem, type System } from "@parley/testkit";
import { z } from "zod";
import type { Bench, BenchContext } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { countCpu, residentBytesOf } from "../measure/process-usage.ts";
import { profiling } from "../measure/profiling.ts";
import { interleave, medianOf } from "../measure/rounds.ts";
import { startRole } from "../measure/role.ts";
import { rounded } from "../measure/statistics.ts";

const Count = z.object({ completed: z.number(), failed: z.number() });

/** Tokens come at this rate, so each is an append, an event and a frame of its own. */
const rate = 40;
const tokens = { short: 8, long: 88 } as const;
const warmUpMs = 4_000;
/** Turns that are open at once while memory is looked at. */
const openTurns = 400;

const kinds = {
  short: { message: `Go. /sim tokens=${tokens.short} rate=${rate}`, askers: 8 },
  long: { message: `Go. /sim tokens=${tokens.long} rate=${rate}`, askers: 40 },
  tool: { message: `Go. /sim tokens=${tokens.short} rate=${rate} tool=k8s_list_namespaces args={}`, askers: 8 },
} as const;
type Kind = keyof typeof kinds;
const names: readonly Kind[] = ["short", "long", "tool"];

const parts = ["worker", "edge", "nats", "redis", "toolWorker"] as const;
type Part = (typeof parts)[number];

function pidsOf({ agentWorkers, edges, nats, redis, toolWorkers }: System): Record<Part, number> {
  const [[worker], [edge], [toolWorker]] = [agentWorkers, edges, toolWorkers];
  if (worker === undefined || edge === undefined || toolWorker === undefined) throw new Error("a process is missing");
  return { worker: worker.pid, edge: edge.pid, nats: nats.pid, redis: redis.pid, toolWorker: toolWorker.pid };
}

const usual = {
  "agent-worker": { SLOTS: String(openTurns), LOG_LEVEL: "warn" },
  "tool-worker": { LOG_LEVEL: "warn" },
  edge: { LOG_LEVEL: "warn" },
};

function peopleOptions({ edges, jwtSecret }: System, askers: number, message: string) {
  return { port: edges[0]?.port ?? 0, secret: jwtSecret, askers, message, agent: "kubernetes" };
}

const askersFile = new URL("../agent/askers.role.ts", import.meta.url);

/** Processor milliseconds of each process per turn of one kind. */
function measure(kind: Kind, { seconds, profileDir }: BenchContext) {
  return withBelongings(async (own) => {
    const profile = profiling(profileDir, `agent-${kind}`);
    const env = { ...usual, "agent-worker": { ...usual["agent-worker"], ...profile.env } };
    const system = await own(startSystem({ env }));
    const { message, askers } = kinds[kind];
    const people = await own(startRole(askersFile, peopleOptions(system, askers, message)));
    await people.tell("start");
    await delay(warmUpMs);
    profile.start(pidsOf(system).worker);
    const before = await people.ask("count", Count);
    const used = countCpu(pidsOf(system));
    await delay(seconds * 1_000);
    const after = await people.ask("count", Count);
    const cpu = used();
    if (after.failed > 0) throw new Error(`${after.failed} turns failed`);
    await profile.write(pidsOf(system).worker);
    return { turns: after.completed - before.completed, cpu };
  });
}

type Run = Awaited<ReturnType<typeof measure>>;

/** Memory of a worker per turn that is open and waits for its model. */
function measureMemory(): Promise<{ baseMb: number; kbPerTurn: number }> {
  return withBelongings(async (own) => {
    const system = await own(startSystem({ env: usual }));
    const { worker } = pidsOf(system);
    await delay(warmUpMs);
    const base = residentBytesOf(worker);
    const message = "Go. /sim tokens=100 rate=1";
    const people = await own(startRole(askersFile, peopleOptions(system, openTurns, message)));
    await people.tell("start");
    await delay(2 * warmUpMs);
    return { baseMb: base / 2 ** 20, kbPerTurn: (residentBytesOf(worker) - base) / 1_024 / openTurns };
  });
}

/** What a turn, a token and a tool call cost each part, from turns that differ in one of them. */
function costsOf(runs: Map<Kind, Run[]>, part: Part) {
  const perTurn = (kind: Kind): number => medianOf(runs.get(kind), ({ cpu, turns }) => (cpu[part] / turns) * 1_000);
  const [short = 0, long = 0, tool = 0] = names.map(perTurn);
  const token = Math.max(0, (long - short) / (tokens.long - tokens.short));
  return {
    turnMs: rounded(Math.max(0, short - tokens.short * token)),
    tokenMicros: rounded(token * 1_000),
    toolCallMs: rounded(Math.max(0, tool - short)),
  };
}

async function runAll(context: BenchContext): Promise<Map<Kind, Run[]>> {
  const { rounds, say } = context;
  return interleave(names, rounds, async (kind, round) => {
    const run = await measure(kind, context);
    say(
      `round ${round}, ${kind}: ${run.turns} turns, ${rounded((run.cpu.worker / run.turns) * 1_000)} ms of the worker each`,
    );
    return run;
  });
}

/** The constants of the capacity model. */
export const costs: Bench = {
  name: "costs",
  about: "processor time of each part per turn, per token and per tool call; memory per open turn",
  takesSeconds: 200,
  async run(context) {
    const runs = await runAll(context);
    const memory = await measureMemory();
    const rows = parts.map((part) => ({ part, ...costsOf(runs, part) }));
    const table = [
      ["part", "ms per turn", "µs per token", "ms per tool call"],
      ...rows.map(({ part, turnMs, tokenMicros, toolCallMs }) => [
        part,
        ...[turnMs, tokenMicros, toolCallMs].map(String),
      ]),
      ["memory of a worker", `${rounded(memory.baseMb)} MB`, `${rounded(memory.kbPerTurn)} KB per open turn`],
    ];
    return { figures: { rate, tokens, costs: rows, memory, runs: Object.fromEntries(runs) }, table, budgets: [] };
  },
};
