import { startSystem, type Service, type System } from "@parley/testkit";
import type { Bench, BenchContext } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { countCpu, residentBytesOf } from "../measure/process-usage.ts";
import { grouped, quantile, rounded } from "../measure/statistics.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { openAsker, timeMessage, type Asker } from "../ttft/asking.ts";
import { startModelServer, type ModelServer } from "../ttft/model-server.ts";
import { timeDecision, watchEvents, type DecisionTimes } from "./deciding.ts";
import { makeWaitingTurns, openBenchBus, type WaitingTurn } from "./waiting-turns.ts";

const usualTurns = 20_000;
const messages = 200;
const warmUp = 30;
const decisions = 200;
const decisionsAtOnce = 500;
const decisionsAfterRestart = 50;
const idleSeconds = 10;

/** By process. */
type CpuUse = Readonly<Record<"nats" | "agent" | "edge", number>>;

interface Figures {
  /** Other chat: client's frame to model's request, in ms. */
  readonly without: number[];
  readonly with: number[];
  readonly oneByOne: DecisionTimes[];
  readonly together: DecisionTimes[];
  readonly restarted: DecisionTimes[];
  readonly cpuPercent: CpuUse;
  /** Of each of those that were decided at once until all were claimed, in ms: it does not hang on what else the machine does, as times do. */
  readonly togetherCpuMs: CpuUse;
  readonly residentMb: { readonly nats: number; readonly agent: number };
  readonly restartMs: number;
}

interface Stage {
  readonly system: System;
  readonly model: ModelServer;
  readonly workers: Service[];
  readonly context: BenchContext;
}

async function openAt({ system }: Stage): Promise<Asker> {
  const [edge] = system.edges;
  if (edge === undefined) throw new Error("the system has no edge");
  return openAsker(edge.port, nativeProtocol(system.jwtSecret));
}

async function timeChat(stage: Stage, count: number): Promise<number[]> {
  const asker = await openAt(stage);
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push((await timeMessage(asker, stage.model, undefined)).ms);
  asker.socket.destroy();
  return times;
}

/** What is counted until it is called, each process times `factor` per second. */
function countUse({ system, workers }: Stage): (factor: number) => CpuUse {
  const [edge] = system.edges;
  const [agent] = workers;
  const used = countCpu({ nats: system.nats.pid, agent: agent?.pid ?? 0, edge: edge?.pid ?? 0 });
  return (factor) => {
    const seconds = used();
    return { nats: factor * seconds.nats, agent: factor * seconds.agent, edge: factor * seconds.edge };
  };
}

async function idle(stage: Stage): Promise<CpuUse> {
  const used = countUse(stage);
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1_000));
  return used(100 / idleSeconds);
}

/** Broker, edge and workers are killed at once. Returns how long it takes from their start until a message is answered, in ms. */
async function restartAll(stage: Stage): Promise<number> {
  const { system, workers } = stage;
  const services = [...system.edges, ...workers];
  await Promise.all([system.nats, ...services].map((process) => process.kill("SIGKILL")));
  const startedAt = performance.now();
  await system.nats.restart();
  await Promise.all(services.map((service) => service.restart()));
  await timeChat(stage, 1);
  return performance.now() - startedAt;
}

/** Decides on them, so many at a time. */
async function decide(stage: Stage, waits: readonly WaitingTurn[], atOnce: number): Promise<DecisionTimes[]> {
  const bus = await openBenchBus(stage.system.nats.url);
  const watch = watchEvents(bus);
  const { socket } = await openAt(stage);
  // An edge reads the frames of one socket one after the other: those that decide at once are many.
  const others = await Promise.all(Array.from({ length: Math.min(atOnce, 50) - 1 }, () => openAt(stage)));
  const sockets = [socket, ...others.map((asker) => asker.socket)];
  const times: DecisionTimes[] = [];
  try {
    for (let from = 0; from < waits.length; from += atOnce) {
      const some = waits.slice(from, from + atOnce);
      const socketOf = (i: number) => sockets[i % sockets.length] ?? socket;
      times.push(...(await Promise.all(some.map((one, i) => timeDecision(socketOf(i), watch, one)))));
    }
    return times;
  } finally {
    watch.stop();
    for (const each of sockets) each.destroy();
    await bus.close();
  }
}

async function measure(stage: Stage, count: number): Promise<Figures> {
  const { system, workers, context } = stage;
  const bus = await openBenchBus(system.nats.url);
  context.say(`making ${grouped(count)} turns that wait`);
  const all = await makeWaitingTurns(bus, count);
  await bus.close();
  workers.push(await system.add("agent-worker"));
  await timeChat(stage, warmUp);
  const after = await timeChat(stage, messages);
  const cpuPercent = await idle(stage);
  const [agent] = workers;
  const mb = (pid: number): number => residentBytesOf(pid) / 2 ** 20;
  const residentMb = { nats: mb(system.nats.pid), agent: mb(agent?.pid ?? 0) };
  context.say(`deciding ${decisions} one after the other, and ${decisionsAtOnce} at once`);
  const take = (from: number, number: number): WaitingTurn[] => all.slice(from, from + number);
  const oneByOne = await decide(stage, take(0, decisions), 1);
  const used = countUse(stage);
  const together = await decide(stage, take(decisions, decisionsAtOnce), decisionsAtOnce);
  const togetherCpuMs = used(1_000 / decisionsAtOnce);
  context.say("restarting everything");
  const restartMs = await restartAll(stage);
  const restarted = await decide(stage, take(decisions + decisionsAtOnce, decisionsAfterRestart), 1);
  return { without: [], with: after, oneByOne, together, togetherCpuMs, restarted, cpuPercent, residentMb, restartMs };
}

async function withoutWaits(stage: Stage): Promise<number[]> {
  const { system, workers } = stage;
  const worker = await system.add("agent-worker");
  workers.push(worker);
  await timeChat(stage, warmUp);
  const times = await timeChat(stage, messages);
  await worker.kill("SIGTERM");
  workers.pop();
  return times;
}

/** What many turns that wait for people cost others, and how soon they go on. */
export const waits: Bench = {
  name: "waits",
  about: "20,000 turns that wait for people: what others feel of them, decision to claim, a restart of everything",
  takesSeconds: 180,
  async run(context) {
    const count = context.conversations ?? (context.isQuick ? 1_000 : usualTurns);
    const figures = await withBelongings(async (own): Promise<Figures> => {
      const model = await own(startModelServer());
      const quiet = { LOG_LEVEL: "warn" };
      const env = { "agent-worker": { ...quiet, OPENAI_BASE_URL: model.url }, edge: quiet };
      const system = await own(startSystem({ env, agentWorkers: 0, toolWorkers: 0 }));
      const stage: Stage = { system, model, workers: [], context };
      const without = await withoutWaits(stage);
      return { ...(await measure(stage, count)), without };
    });
    return { figures, table: tableOf(figures), budgets: budgetsOf(figures), notes: notesOf(figures, count) };
  },
};

function tableOf(figures: Figures): string[][] {
  const row = (name: string, values: readonly number[]): string[] => {
    return [name, ...[0.5, 0.95, 1].map((share) => String(rounded(quantile(values, share))))];
  };
  const rows = (name: string, times: readonly DecisionTimes[]): string[][] => [
    row(
      `decision told, ${name}`,
      times.map(({ toldMs }) => toldMs),
    ),
    row(`decision to claim, ${name}`, claimsOf(times)),
  ];
  return [
    ["what", "p50 ms", "p95 ms", "max ms"],
    row("other chat, nothing waits: frame to the model's request", figures.without),
    row("other chat, while they wait", figures.with),
    ...rows("one after the other", figures.oneByOne),
    ...rows(`${decisionsAtOnce} at once`, figures.together),
    ...rows("after a restart of everything", figures.restarted),
  ];
}

function claimsOf(times: readonly DecisionTimes[]): number[] {
  return times.map(({ claimedMs }) => claimedMs);
}

function budgetsOf({ oneByOne, together, restarted }: Figures) {
  const budget = (what: string, times: readonly DecisionTimes[]) => {
    return { what: `${what}: p95 in ms`, value: quantile(claimsOf(times), 0.95), limit: 1_000, is: "<=" } as const;
  };
  return [
    budget("decision to claim", oneByOne),
    budget(`decision to claim, ${decisionsAtOnce} at once`, together),
    budget("decision to claim, after a restart", restarted),
  ];
}

function notesOf({ cpuPercent, togetherCpuMs, residentMb, restartMs }: Figures, count: number): string[] {
  const cpu = Object.entries(cpuPercent).map(([name, percent]) => `${name} ${rounded(percent)} %`);
  const each = Object.entries(togetherCpuMs).map(([name, ms]) => `${name} ${rounded(ms)} ms`);
  return [
    `processor time of each of ${decisionsAtOnce} decided at once, until all are claimed: ${each.join(", ")}`,
    `while ${grouped(count)} wait and nothing else happens: ${cpu.join(", ")} of a core`,
    `resident then: nats ${rounded(residentMb.nats)} MB, agent worker ${rounded(residentMb.agent)} MB`,
    `killed and started again, a message was answered after ${rounded(restartMs / 1_000)} s`,
  ];
}
