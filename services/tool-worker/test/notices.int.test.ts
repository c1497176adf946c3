import { connectRedis, createNoticeQueue, type NoticeQueue } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startNats, startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNoticeReceiver, webhookSecret, type NoticeReceiver } from "../../edge/test/support/notice-receiver.ts";
import { startAgent, type Agent } from "./support/agent.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

let nats: Broker;
let redisServer: Broker;
let redis: ReturnType<typeof connectRedis>;
let receiver: NoticeReceiver;
let agent: Agent;
let queue: NoticeQueue;

beforeAll(async () => {
  [nats, redisServer, receiver] = await Promise.all([
    startNats(),
    startRedis({ persist: false }),
    startNoticeReceiver(),
  ]);
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  queue = createNoticeQueue({ redis, log });
  agent = await startAgent(nats, redisServer);
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  for (const one of [agent, receiver, nats, redisServer]) await one[Symbol.asyncDispose]();
});

const startWorker = (env: Record<string, string> = {}): Promise<Service> =>
  startService("tool-worker", {
    ...{ NATS_URL: nats.url, REDIS_URL: redisServer.url, DEMO_TOOLS: "1", DEMO_COUNTER_FILE: "/dev/null" },
    ...{ LOCK_MS: "1500", STALLED_CHECK_MS: "300", LOG_LEVEL: "warn", NOTICE_WAITING_MS: "1000" },
    ...{ NOTICE_WEBHOOK_URL: receiver.url, NOTICE_WEBHOOK_SECRET: webhookSecret, ...env },
  });

const notice = (user_id: string) => ({
  notice: { type: "mention" as const, user_id, conversation_id: "c1", message_id: "t1-u", at: Date.now() },
});

async function counted({ adminPort }: Service, kind: string, result: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const line = text
    .split("\n")
    .find(
      (one) =>
        one.includes("parley_tool_notices_total{") &&
        one.includes(`kind="${kind}"`) &&
        one.includes(`result="${result}"`),
    );
  return Number(line?.split(" ").at(-1) ?? 0);
}

it(
  "tries a receiver that refuses five times, under the same id and signed anew, and gives up",
  { timeout: 120_000 },
  async () => {
    await using worker = await startWorker();
    receiver.state.answer = 500;
    await queue.add(notice("eve"), 0);
    const tries = await receiver.until("eve", 5, 90_000);
    expect(new Set(tries.map(({ id }) => id)).size).toBe(1);
    expect(tries.every(({ isSigned }) => isSigned)).toBe(true);
    expect(tries.at(-1)?.atS).toBeGreaterThan(tries[0]?.atS ?? Infinity);
    await eventually(async () => (await counted(worker, "mention", "given_up")) === 1, {
      what: "one that is given up",
    });
    receiver.state.answer = 204;
    // Made again it is no new one.
    await queue.add(notice("eve"), 0);
    await queue.add(notice("fay"), 0);
    await receiver.until("fay");
    expect(receiver.of("eve")).toHaveLength(5);
  },
);

it(
  "is sent once more, under the same id, where its worker was killed before it could say so",
  { timeout: 60_000 },
  async () => {
    const first = await startWorker();
    receiver.state.answer = 0;
    await queue.add(notice("gil"), 0);
    await receiver.until("gil");
    await first.kill("SIGKILL");
    receiver.state.answer = 204;
    await using worker = await startWorker();
    const [one, other] = await receiver.until("gil", 2, 30_000);
    expect(other?.id).toBe(one?.id);
    await eventually(async () => (await counted(worker, "mention", "sent")) === 1, {
      what: "one that is sent",
      timeoutMs: 20_000,
    });
    await first[Symbol.asyncDispose]();
  },
);

it("follows no redirect", { timeout: 60_000 }, async () => {
  await using worker = await startWorker();
  receiver.state.answer = 307;
  await queue.add(notice("hal"), 0);
  await eventually(async () => (await counted(worker, "mention", "failed")) >= 1, { what: "a try that failed" });
  receiver.state.answer = 204;
  await receiver.until("hal", 2);
});

it(
  "tells who asked for a call that it waits for them, once, and not where they have decided",
  { timeout: 60_000 },
  async () => {
    await using worker = await startWorker();
    const decided = agent.job("n1-0-0", "demo_change", { text: "one", confirm: true });
    const open = agent.job("n2-0-0", "demo_change", { text: "two", confirm: true });
    await agent.add(decided);
    await agent.asked(decided);
    await agent.decide(decided, { approved: false });
    await agent.add(open);
    await agent.asked(open);
    await agent.add(open);
    const [told] = await receiver.until(open.user.id);
    expect(told?.body).toMatchObject({ type: "waiting", call_id: open.call_id, conversation_id: "c1" });
    await eventually(async () => (await counted(worker, "waiting", "needless")) === 1, {
      what: "one that is needless",
    });
    expect(receiver.of(open.user.id)).toHaveLength(1);
  },
);

it("makes nothing of a call that waits where no receiver is set", { timeout: 60_000 }, async () => {
  await using _worker = await startService("tool-worker", {
    ...{ NATS_URL: nats.url, REDIS_URL: redisServer.url, DEMO_TOOLS: "1", DEMO_COUNTER_FILE: "/dev/null" },
  });
  const before = await redis.zcard("bull:notices:delayed");
  const job = agent.job("n3-0-0", "demo_change", { text: "three", confirm: true });
  await agent.add(job);
  await agent.asked(job);
  await eventually(async () => (await agent.queue.counts()).active === 0, { what: "the call to wait" });
  expect(await redis.zcard("bull:notices:delayed")).toBe(before);
});

it("takes no more where too many wait that nobody sends, and sends nothing that is an hour old", async () => {
  const full = createNoticeQueue({ redis, most: 1, log });
  const old = notice("ida");
  await full.add({ notice: { ...old.notice, at: Date.now() - 3_700_000 } }, 0);
  const later = createNoticeQueue({ redis, most: 1, log });
  await expect(later.add(notice("jim"), 0)).rejects.toThrow("Too many notices wait");
  await using worker = await startWorker();
  await eventually(async () => (await counted(worker, "mention", "stale")) === 1, { what: "one that is stale" });
  expect(receiver.of("ida")).toEqual([]);
});
