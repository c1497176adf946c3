import path from "node:path";
import { unknownEffect } from "@parley/protocol";
import {
  type Broker,
  eventually,
  type Service,
  startJumpingClock,
  startNats,
  startRedis,
  startService,
  tempDir,
} from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Agent, countIn, startAgent } from "./support/agent.ts";

const LOST = unknownEffect("the worker that ran demo_counter was lost.");

describe("a call whose worker", () => {
  let nats: Broker;
  let redis: Broker;
  let agent: Agent;
  let counterFile: string;
  let folder: Awaited<ReturnType<typeof tempDir>>;
  const workers: Service[] = [];

  async function startWorker(more: Record<string, string> = {}): Promise<Service> {
    const worker = await startService("tool-worker", {
      NATS_URL: nats.url,
      REDIS_URL: redis.url,
      DEMO_TOOLS: "1",
      DEMO_COUNTER_FILE: counterFile,
      LOCK_MS: "1500",
      STALLED_CHECK_MS: "300",
      SHUTDOWN_MS: "5000",
      // What is added again goes to another worker, not to the one that still has it.
      CONCURRENCY: "1",
      ...more,
    });
    workers.push(worker);
    return worker;
  }

  const counted = (callId: string): Promise<boolean> =>
    eventually(async () => (await countIn(counterFile))[callId] === 1, { what: "the change" });
  const hasMetric = async ({ adminPort }: Service, name: string, value: number): Promise<boolean> =>
    (await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()).includes(
      `${name}{service="tool-worker"} ${value}`,
    );
  const active = (): Promise<boolean> =>
    eventually(async () => (await agent.queue.counts()).active === 1, { what: "the running call" });

  beforeEach(async () => {
    [nats, redis, folder] = await Promise.all([startNats(), startRedis({ persist: false }), tempDir()]);
    counterFile = path.join(folder.path, "counter");
    agent = await startAgent(nats, redis);
  });

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker[Symbol.asyncDispose]()));
    await agent[Symbol.asyncDispose]();
    await Promise.all([nats, redis, folder].map((resource) => resource[Symbol.asyncDispose]()));
  });

  it("is killed runs again elsewhere when it only reads", async () => {
    const first = await startWorker();
    const job = agent.job("t1-0-0", "demo_sleep", { ms: 1_000 });
    await agent.add(job);
    await active();
    await startWorker();
    await first.kill();
    expect(await agent.call(job)).toMatchObject({ status: "completed", result: "Slept 1000 ms." });
  });

  it("is killed does not run again when it changes something, and says so", async () => {
    const first = await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 10_000 });
    await agent.add(job);
    await counted(job.call_id);
    await startWorker();
    await first.kill();
    expect(await agent.call(job)).toMatchObject({ status: "unknown", result: LOST });
    expect(await countIn(counterFile)).toEqual({ [job.call_id]: 1 });
  });

  it.each([
    ["back", -3_600_000],
    ["forward", 3_600_000],
  ])("has a clock that jumps an hour %s keeps the call: it is no lost worker", async (_direction, jumpMs) => {
    await using clock = await startJumpingClock();
    await startWorker(clock.env);
    const job = agent.job("t1-0-0", "demo_counter", { ms: 6_000 });
    await agent.add(job);
    await counted(job.call_id);
    await startWorker();
    await clock.jumpTo(jumpMs);
    expect(await agent.call(job)).toMatchObject({ status: "completed" });
    expect(await countIn(counterFile)).toEqual({ [job.call_id]: 1 });
  });

  it("stands still and wakes up has one result and one change", async () => {
    const first = await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 3_000 });
    await agent.add(job);
    await counted(job.call_id);
    first.freeze();
    await startWorker();
    expect(await agent.call(job)).toMatchObject({ status: "unknown", result: LOST });
    first.thaw();
    // Its own result, 3 s after the change, comes second.
    await eventually(() => hasMetric(first, "parley_tool_results_refused_total", 1), {
      what: "the dropped result",
      timeoutMs: 10_000,
    });
    expect((await agent.result(job)).result).toBe(LOST);
    expect(await countIn(counterFile)).toEqual({ [job.call_id]: 1 });
  });

  it("is told to stop is at once with another worker when it only reads", async () => {
    const first = await startWorker();
    await agent.add(agent.job("t1-0-0", "demo_sleep", { ms: 20_000 }));
    await active();
    const second = await startWorker();
    const startMs = performance.now();
    await first.stop();
    await eventually(() => hasMetric(second, "parley_tool_calls_running", 1), { what: "the second run" });
    expect(performance.now() - startMs).toBeLessThan(1_500);
  });

  it("is told to stop finishes first when it changes something", async () => {
    const first = await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 1_500 });
    await agent.add(job);
    await counted(job.call_id);
    await first.stop();
    expect(await agent.result(job, 100)).toMatchObject({ status: "completed", result: "Counted." });
  });

  it("is told to stop has an honest end when it cannot finish in time", async () => {
    const first = await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 30_000 });
    await agent.add(job);
    await counted(job.call_id);
    await first.stop();
    expect((await agent.result(job, 1_000)).result).toBe(
      unknownEffect("demo_counter was broken off: the worker that ran it had to stop."),
    );
  });

  it("loses the queue's data has the result of its one run, though it is added again", async () => {
    await startWorker();
    await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 3_000 });
    await agent.add(job);
    await counted(job.call_id);
    await redis.restart();
    expect(await agent.call(job)).toMatchObject({ status: "completed", result: "Counted." });
    expect(await countIn(counterFile)).toEqual({ [job.call_id]: 1 });
  });

  it("has not begun when the queue loses its data runs when it is added again", async () => {
    const job = agent.job("t1-0-0", "demo_counter");
    await agent.add(job);
    await redis.restart();
    await startWorker();
    expect(await agent.call(job)).toMatchObject({ status: "completed" });
    expect(await countIn(counterFile)).toEqual({ [job.call_id]: 1 });
  });

  it("loses Redis still stores its result", async () => {
    await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 500 });
    await agent.add(job);
    await counted(job.call_id);
    await redis.kill();
    expect(await agent.result(job)).toMatchObject({ status: "completed", result: "Counted." });
  });

  it("loses NATS keeps its result until NATS is back", async () => {
    await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 500 });
    await agent.add(job);
    await counted(job.call_id);
    await nats.kill();
    await nats.restart();
    expect(await agent.result(job, 20_000)).toMatchObject({ status: "completed", result: "Counted." });
    expect(await countIn(counterFile)).toEqual({ [job.call_id]: 1 });
  });

  it("misses a cancel while NATS is away stops when it is back", async () => {
    const worker = await startWorker();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 20_000 });
    await agent.add(job);
    await counted(job.call_id);
    // It cannot connect again before the cancel is written.
    worker.freeze();
    await nats.restart();
    await agent.cancel(job);
    worker.thaw();
    expect(await agent.result(job)).toMatchObject({
      status: "unknown",
      result: unknownEffect("demo_counter was cancelled."),
    });
  });
});
