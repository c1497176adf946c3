import { setTimeout as delay } from "node:timers/promises";
import { openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { startSystem, type System } from "@parley/testkit";
import type { Bench, BenchContext, Budget } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { quantile, rounded } from "../measure/statistics.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import { openAsker } from "../ttft/asking.ts";
import { flood, openTurns } from "./flood.ts";

/** Of each worker: few enough for a hundred turns to be a backlog of seconds. */
const slots = 32;
const turnSeconds = 2;
/** The model writes for so long at each. */
const message = `Go on /sim tokens=${20 * turnSeconds} rate=20`;
const newcomers = 20;
const pauseMs = 50;
const pollMs = 50;
const log = createLogger({ service: "bench", level: "silent", format: "json" });

interface Row {
  readonly workers: number;
  readonly turns: number;
  readonly alone: readonly number[];
  readonly firstMs: readonly number[];
  /** Turns of the flood that ended per second while nobody else asked; of those that are longer than a minute it is not waited for. */
  readonly perSecond: number | undefined;
}

/** Somebody new, from the frame to the first token of their answer. */
async function firstToken(system: System, user: string): Promise<number> {
  const [edge] = system.edges;
  if (edge === undefined) throw new Error("the system has no edge");
  const asker = await openAsker(edge.port, nativeProtocol(system.jwtSecret, user));
  const first = asker.next("token", "error");
  const sentAt = performance.now();
  asker.socket.send(encodeClientFrame({ type: "message", id: user, message: "Hello /sim tokens=1 rate=0" }));
  const { type } = await first;
  const ms = performance.now() - sentAt;
  asker.socket.destroy();
  if (type !== "token") throw new Error("a newcomer was answered with an error");
  return ms;
}

async function measure(workers: number, turns: number): Promise<Row> {
  return withBelongings(async (own) => {
    const env = { "agent-worker": { SLOTS: String(slots), LOG_LEVEL: "warn" }, edge: { LOG_LEVEL: "warn" } };
    const system = await own(startSystem({ agentWorkers: workers, toolWorkers: 0, env }));
    const bus = await openBus({ servers: system.nats.url, name: "bench", log });
    await own(Promise.resolve({ [Symbol.asyncDispose]: () => bus.close() }));
    const drained = async (): Promise<void> => {
      while ((await openTurns(bus)) > 0) await delay(pollMs);
    };
    const alone: number[] = [];
    for (let i = 0; i < newcomers; i++) alone.push(await firstToken(system, `before-${i}`));
    await drained();

    const isShort = turns * turnSeconds <= 60 * slots * workers;
    const startedAt = performance.now();
    if (isShort) await flood(bus, turns, message);
    if (isShort) await drained();
    const perSecond = isShort ? turns / ((performance.now() - startedAt) / 1_000) : undefined;

    const firstMs: number[] = [];
    await flood(bus, turns, message);
    while (firstMs.length < newcomers && (await openTurns(bus)) > slots * workers) {
      firstMs.push(await firstToken(system, `new-${firstMs.length}`));
      await delay(pauseMs);
    }
    return { workers, turns, alone, firstMs, perSecond };
  });
}

function tableOf(rows: readonly Row[]): string[][] {
  const quantiles = (values: readonly number[]): string[] =>
    [0.5, 0.95].map((share) => String(rounded(quantile(values, share))));
  const lines = rows.map(({ workers, turns, alone, firstMs, perSecond }) => [
    ...[workers, turns].map(String),
    ...[...quantiles(alone), ...quantiles(firstMs)],
    ...[String(firstMs.length), perSecond === undefined ? "–" : String(rounded(perSecond))],
  ]);
  const heading = [
    "workers",
    "flood",
    "idle p50 ms",
    "p95",
    "first token p50 ms",
    "p95",
    "newcomers",
    "flood alone /s",
  ];
  return [heading, ...lines];
}

function budgetsOf(rows: readonly Row[]): Budget[] {
  return rows.flatMap(({ workers, turns, firstMs, perSecond }) => {
    const who = `${turns} turns, ${workers} worker${workers === 1 ? "" : "s"}`;
    const first = { what: `${who}: a newcomer's first token, p95 in ms`, value: quantile(firstMs, 0.95), limit: 1_000 };
    // What it takes to begin and to end is much of a short flood.
    const isLong = turns >= 1_000;
    // The last wave does not fill all slots.
    const waves = Math.ceil(turns / (slots * workers));
    const share = { what: `${who}: of what the slots allow the flood alone, share`, limit: 0.8 };
    return [
      { ...first, is: "<=" as const },
      ...(perSecond === undefined || !isLong
        ? []
        : [{ ...share, value: perSecond / (turns / (waves * turnSeconds)), is: ">=" as const }]),
    ];
  });
}

/** How long somebody new waits for the first word while one user has filled the queue. */
export const fair: Bench = {
  name: "fair",
  about: "a newcomer's first token while one user floods the queue",
  takesSeconds: 150,
  async run({ only, isQuick, say }: BenchContext) {
    const rows: Row[] = [];
    for (const turns of isQuick ? [100] : [100, 1_000]) {
      for (const workers of [1, 2]) {
        if (only !== undefined && !`${turns}x${workers}`.includes(only)) continue;
        const row = await measure(workers, turns);
        say(`${turns} turns, ${workers}: p95 ${rounded(quantile(row.firstMs, 0.95))} ms`);
        rows.push(row);
      }
    }
    return { figures: { slots, turnSeconds, rows }, table: tableOf(rows), budgets: budgetsOf(rows) };
  },
};
