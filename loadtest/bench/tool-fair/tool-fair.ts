import { setTimeout as delay } from "node:timers/promises";
import { createToolQueue, startToolWorker, type ToolQueue } from "@parley/bus";
import type { ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startRedis } from "@parley/testkit";
import type { Bench, BenchContext, Budget } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { quantile, rounded } from "../measure/statistics.ts";

const slots = 4;
const callMs = 100;
const calls = 500;
const newcomers = 20;
const addedAtOnce = 50;
const log = createLogger({ service: "bench", level: "silent", format: "json" });

/** `arrival`: as when the queue knew no users; all calls are then of one, whose own stay in their order. */
type Order = "arrival" | "turns";

interface Row {
  readonly order: Order;
  /** Newcomers' first calls while nobody else has any, and while a user's flood waits: from the adding to the taking. */
  readonly alone: readonly number[];
  readonly firstMs: readonly number[];
  /** Calls of the flood that ended per second while nobody else asked. */
  readonly perSecond: number;
}

function callOf(user: string, order: Order, name: string): ToolJob {
  const call = { call_id: name, tool_name: "bench", arguments: {}, timeout_ms: 60_000 };
  const asker = { id: order === "arrival" ? "everybody" : user };
  return { v: 1, conversation_id: `c_${user}`, turn_id: `t_${name}`, user: asker, ...call };
}

async function flood(queue: ToolQueue, order: Order, name: string): Promise<void> {
  for (let from = 0; from < calls; from += addedAtOnce) {
    const some = Array.from({ length: addedAtOnce }, (_, i) => callOf("flood", order, `${name}-${from + i}`));
    await Promise.all(some.map((call) => queue.add(call)));
  }
}

async function measure(order: Order): Promise<Row> {
  return withBelongings(async (own) => {
    const redis = await own(startRedis());
    const queue = createToolQueue({ url: signedIn(redis.url, "agent"), log });
    await own(Promise.resolve({ [Symbol.asyncDispose]: () => queue.close() }));
    const takenAt = new Map<string, number>();
    let ended = 0;
    const worker = startToolWorker({
      ...{ url: signedIn(redis.url, "tool"), concurrency: slots, log, onAbandoned: () => {} },
      async run({ call_id }) {
        takenAt.set(call_id, performance.now());
        await delay(callMs);
        ended++;
        return "done";
      },
    });
    await own(Promise.resolve({ [Symbol.asyncDispose]: () => worker.close(0) }));
    await eventually(() => queue.ready() && worker.ready(), { what: "the queue" });

    const untilEnded = (count: number) => eventually(() => ended >= count, { what: "the calls", timeoutMs: 120_000 });
    const first = async (name: string): Promise<number> => {
      const addedAt = performance.now();
      await queue.add(callOf(name, order, name));
      await eventually(() => takenAt.has(name), { what: "a newcomer's call", timeoutMs: 120_000 });
      return (takenAt.get(name) ?? Number.NaN) - addedAt;
    };
    const alone: number[] = [];
    for (let i = 0; i < newcomers; i++) alone.push(await first(`before${i}`));
    await untilEnded(newcomers);

    const startedAt = performance.now();
    await flood(queue, order, "alone");
    await untilEnded(newcomers + calls);
    const perSecond = calls / ((performance.now() - startedAt) / 1_000);

    await flood(queue, order, "flood");
    const waits = Array.from({ length: newcomers }, async (_, i) => {
      // Spread over the first half of the flood.
      await delay((i * calls * callMs) / slots / newcomers / 2);
      return first(`new${i}`);
    });
    return { order, alone, firstMs: await Promise.all(waits), perSecond };
  });
}

function tableOf(rows: readonly Row[]): string[][] {
  const quantiles = (values: readonly number[]): string[] =>
    [0.5, 0.95].map((share) => String(rounded(quantile(values, share))));
  const lines = rows.map(({ order, alone, firstMs, perSecond }) => [
    order,
    ...[...quantiles(alone), ...quantiles(firstMs)],
    String(rounded(perSecond)),
  ]);
  return [["order", "idle p50 ms", "p95", "in the flood p50 ms", "p95", "flood alone /s"], ...lines];
}

function budgetsOf(rows: readonly Row[]): Budget[] {
  const [before, now] = [rows.find(({ order }) => order === "arrival"), rows.find(({ order }) => order === "turns")];
  if (now === undefined) return [];
  const first = { what: "a newcomer's first call, p95 in calls of the flood", limit: 2.5, is: "<=" as const };
  const share = { what: "the flood's calls per second, share of those by arrival", limit: 0.95, is: ">=" as const };
  return [
    { ...first, value: quantile(now.firstMs, 0.95) / callMs },
    ...(before === undefined ? [] : [{ ...share, value: now.perSecond / before.perSecond }]),
  ];
}

/** How long somebody's first call waits for a tool worker while one user has filled the queue. */
export const toolFair: Bench = {
  name: "tool-fair",
  about: "a newcomer's first tool call while one user floods the queue of calls",
  takesSeconds: 75,
  async run({ only, say }: BenchContext) {
    const rows: Row[] = [];
    for (const order of ["arrival", "turns"] as const) {
      if (only !== undefined && only !== order) continue;
      const row = await measure(order);
      say(`${order}: p95 ${rounded(quantile(row.firstMs, 0.95))} ms`);
      rows.push(row);
    }
    return { figures: { slots, callMs, calls, rows }, table: tableOf(rows), budgets: budgetsOf(rows) };
  },
};
