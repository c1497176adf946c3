import path from "node:path";
import { type Broker, eventually, type Service, startNats, startRedis, startService, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Agent, countIn, startAgent } from "./support/agent.ts";

let nats: Broker;
let redis: Broker;
let agent: Agent;
let folder: Awaited<ReturnType<typeof tempDir>>;
let workers: Service[];

beforeAll(async () => {
  [nats, redis, folder] = await Promise.all([startNats(), startRedis({ persist: false }), tempDir()]);
  agent = await startAgent(nats, redis);
  const env = { NATS_URL: nats.url, REDIS_URL: redis.url, DEMO_TOOLS: "1", CONCURRENCY: "2" };
  const counter = { DEMO_COUNTER_FILE: path.join(folder.path, "counter") };
  workers = await Promise.all([1, 2].map(() => startService("tool-worker", { ...env, ...counter })));
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis, folder].map((resource) => resource[Symbol.asyncDispose]()));
});

async function runningAt({ adminPort }: Service): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^parley_tool_calls_running\{.*\} (\d+)$/m.exec(text)?.[1]);
}

it("P6: a cancel stops a turn's calls on whichever workers they run, begins none that wait, and touches no other turn", async () => {
  // One of another turn, three that run beside it on both workers, and four that find no slot.
  const other = agent.job("other-0-0", "demo_sleep", { ms: 4_000 });
  const running = [0, 1, 2].map((n) => ({
    ...agent.job(`turn-0-${n}`, "demo_sleep", { ms: 60_000 }),
    turn_id: "turn",
  }));
  const waiting = [3, 4, 5, 6].map((n) => ({ ...agent.job(`turn-0-${n}`, "demo_counter"), turn_id: "turn" }));
  for (const job of [other, ...running, ...waiting]) await agent.add(job);
  await eventually(async () => (await Promise.all(workers.map(runningAt))).every((count) => count === 2), {
    what: "two calls on each worker",
  });
  const startedAt = performance.now();
  await agent.cancel(running[0]!);
  for (const job of [...running, ...waiting]) expect(await agent.result(job)).toMatchObject({ status: "cancelled" });
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(await countIn(path.join(folder.path, "counter"))).toEqual({});
  expect(await agent.result(other, 10_000)).toMatchObject({ status: "completed" });
});
