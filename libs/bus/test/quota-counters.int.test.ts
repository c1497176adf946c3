import { randomUUID } from "node:crypto";
import { Quotas, quotasOf, type Spent, type UsageRecord } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startNats, startRedis, type Broker, type NatsServer } from "@parley/testkit";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openBus, type Bus } from "../src/bus.ts";
import { createQuotaCounters, type QuotaCounters } from "../src/quota-counters.ts";
import type { QuotaAccount } from "../src/quota-names.ts";
import { connectRedis } from "../src/redis.ts";
import { createUsageSums } from "../src/usage-sums.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const tokens = (count: number): Spent => ({ tokens: count, micros: 0 });

let nats: NatsServer;
let bus: Bus;
beforeAll(async () => {
  nats = await startNats();
  bus = await openBus({ servers: nats.url, name: "test", log });
});
afterAll(async () => {
  await bus.close();
  await nats[Symbol.asyncDispose]();
});

describe("the counters of quotas", () => {
  let server: Broker;
  let user: string;
  const connections: Redis[] = [];

  const worker = async (deadlineMs = 2_000): Promise<QuotaCounters & { redis: Redis }> => {
    const redis = connectRedis({ url: server.url, role: "cache", log });
    connections.push(redis);
    await eventually(() => redis.status === "ready", { what: "the connection" });
    const sums = createUsageSums(bus.usage, () => "USD");
    return { ...createQuotaCounters({ redis, sums, deadlineMs }), redis };
  };
  const accountOf = (id: string, limit: number, more: Partial<QuotaAccount> = {}): QuotaAccount => {
    const quotas = Quotas.parse({ tokens_per_user: { per_day: limit } });
    return { id, user, atMs: Date.now(), limits: quotasOf(quotas, { user, roles: [] }), ...more };
  };
  const ended = async (id: string, used: number): Promise<void> => {
    const usage = { input_tokens: 0, output_tokens: used };
    const what = { v: 1, kind: "usage", purpose: "turn", status: "complete" } as const;
    const record: UsageRecord = {
      ...what,
      id,
      conversation_id: "c",
      turn_id: id,
      user,
      at: Date.now(),
      ended_at: Date.now(),
      usage,
    };
    await bus.usage.write(record);
  };
  const day = async (counters: QuotaCounters): Promise<number> =>
    (await counters.used({ user, atMs: Date.now(), limits: [] })).find(({ period }) => period === "day")?.used.tokens ??
    Number.NaN;

  beforeEach(async () => {
    server = await startRedis({ persist: false });
    user = `u-${randomUUID()}`;
  });
  afterEach(async () => {
    for (const redis of connections.splice(0)) redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it("give 40 turns of two workers together exactly what there is, and nobody one more", async () => {
    const workers = [await worker(), await worker()];
    let granted = 0;
    let refused = 0;
    const turn = async (n: number): Promise<void> => {
      const counters = workers[n % 2]!;
      const account = accountOf(`t${user}${n}`, 10_000);
      let held = 0;
      for (;;) {
        const grant = await counters.take(account, { must: tokens(held), want: tokens(held + 128) });
        if ("refused" in grant || grant.granted.tokens === held) break;
        held = grant.granted.tokens;
      }
      granted += held;
      if (held === 0) refused++;
    };
    await Promise.all(Array.from({ length: 40 }, (_, n) => turn(n)));
    expect(granted).toBe(10_000);
    expect(await day(workers[0]!)).toBe(10_000);
    const late = await workers[1]!.take(accountOf("late", 10_000), { must: tokens(1), want: tokens(129) });
    expect(late).toMatchObject({ refused: { limit: { name: "tokens_per_user", period: "day" } } });
    expect(refused).toBeLessThan(40);
  });

  it("count what is settled twice once, and free what was held beyond it", async () => {
    const [one, other] = [await worker(), await worker()];
    const account = accountOf(`t${user}`, 1_000);
    expect(await one.take(account, { must: tokens(300), want: tokens(428) })).toMatchObject({
      granted: { tokens: 428 },
    });
    // Its worker was lost: what it held stands for what it used, until the next one says it.
    expect(await other.take(account, { must: tokens(310), want: tokens(438) })).toMatchObject({
      granted: { tokens: 438 },
    });
    await other.settle(account, tokens(350));
    await one.settle(account, tokens(350));
    expect(await day(one)).toBe(350);
  });

  it("are made anew of the stream when Redis was emptied, and what runs is in them", async () => {
    const [one, other] = [await worker(), await worker()];
    const [over, running] = [accountOf(`o${user}`, 1_000), accountOf(`r${user}`, 1_000)];
    await one.take(over, { must: tokens(400), want: tokens(400) });
    await ended(over.id, 400);
    await one.settle(over, tokens(400));
    await other.take(running, { must: tokens(200), want: tokens(328) });
    await one.redis.flushall();
    // It ended before, and says so once more: it is in what was made of the stream.
    await Promise.all([one.settle(over, tokens(400)), other.take(running, { must: tokens(300), want: tokens(428) })]);
    expect(await day(one)).toBe(828);
    expect(await one.take(accountOf("next", 1_000), { must: tokens(173), want: tokens(300) })).toHaveProperty(
      "refused",
    );
    expect(await one.take(accountOf("fits", 1_000), { must: tokens(172), want: tokens(300) })).toMatchObject({
      granted: { tokens: 172 },
    });
  });

  it("are made anew when Redis comes back with less than it had", async () => {
    const one = await worker();
    const account = accountOf(`o${user}`, 1_000);
    await one.take(account, { must: tokens(0), want: tokens(10) });
    await ended(account.id, 700);
    // As a Redis that lost its last second: the counter is there, and knows nothing of the end.
    await server.kill();
    await server.restart();
    await eventually(() => one.redis.status === "ready", { what: "the connection" });
    expect(await day(one)).toBe(700);
  });

  it("are decided by each worker alone while Redis is away: a tenth at most, and never more than was left", async () => {
    const one = await worker(100);
    const [before, account] = [accountOf(`b${user}`, 10_000), accountOf(`t${user}`, 10_000)];
    await one.take(before, { must: tokens(9_500), want: tokens(9_500) });
    await one.take(account, { must: tokens(100), want: tokens(100) });
    await server.kill();
    // 400 are left.
    expect(await one.take(account, { must: tokens(100), want: tokens(400) })).toMatchObject({
      granted: { tokens: 400 },
    });
    expect(await one.take(account, { must: tokens(400), want: tokens(700) })).toMatchObject({
      granted: { tokens: 500 },
    });
    expect(await one.take(account, { must: tokens(501), want: tokens(700) })).toHaveProperty("refused");
    // What it has never heard of: a tenth.
    const other = accountOf("other", 10_000, { user: `${user}-2` });
    expect(await one.take(other, { must: tokens(0), want: tokens(9_000) })).toMatchObject({
      granted: { tokens: 1_000 },
    });
    await one.settle(account, tokens(500));
    await server.restart();
    await eventually(
      async () => "granted" in (await one.take(accountOf("p", 20_000), { must: tokens(0), want: tokens(0) })),
      {
        what: "Redis",
      },
    );
  });

  it("stop at what money there is", async () => {
    const one = await worker();
    const quotas = Quotas.parse({ money_per_tenant: { per_month: 0.01 } });
    const limits = quotasOf(quotas, { user, tenant: "acme", roles: [] });
    const account = { id: `t${user}`, user, tenant: `acme-${user}`, atMs: Date.now(), limits };
    const must = { tokens: 100, micros: 4_000 };
    expect(await one.take(account, { must, want: { tokens: 300, micros: 16_000 } })).toMatchObject({
      granted: { tokens: 200, micros: 10_000 },
      short: { limit: { name: "money_per_tenant", period: "month" } },
    });
  });
});
