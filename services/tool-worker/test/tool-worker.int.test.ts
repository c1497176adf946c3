import path from "node:path";
import { connectRedis, createToolCatalogue } from "@parley/bus";
import { unknownEffect } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import {
  signedIn,
  type Broker,
  eventually,
  type Service,
  startNats,
  startRedis,
  startService,
  tempDir,
} from "@parley/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Agent, countIn, startAgent } from "./support/agent.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

describe("a tool worker", () => {
  let nats: Broker;
  let redis: Broker;
  let agent: Agent;
  let counterFile: string;
  let folder: Awaited<ReturnType<typeof tempDir>>;
  const workers: Service[] = [];
  let turns = 0;

  async function startWorker(): Promise<Service> {
    const worker = await startService("tool-worker", {
      NATS_URL: nats.url,
      REDIS_URL: redis.url,
      DEMO_TOOLS: "1",
      DEMO_COUNTER_FILE: counterFile,
      LOCK_MS: "1500",
      STALLED_CHECK_MS: "300",
      SHUTDOWN_MS: "5000",
    });
    workers.push(worker);
    return worker;
  }

  /** Of a turn of its own, so that tests can share brokers. */
  const newCallId = (): string => `t${turns++}-0-0`;
  const metricsOf = async ({ adminPort }: Service): Promise<string> =>
    (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const running = (worker: Service, count: number): Promise<boolean> =>
    eventually(
      async () => (await metricsOf(worker)).includes(`parley_tool_calls_running{service="tool-worker"} ${count}`),
      {
        what: `${count} running calls`,
      },
    );

  beforeAll(async () => {
    [nats, redis, folder] = await Promise.all([startNats(), startRedis({ persist: false }), tempDir()]);
    counterFile = path.join(folder.path, "counter");
    agent = await startAgent(nats, redis);
  });

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker[Symbol.asyncDispose]()));
  });

  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await Promise.all([nats, redis, folder].map((resource) => resource[Symbol.asyncDispose]()));
  });

  it("runs a call and stores its result, with what was called", async () => {
    await startWorker();
    const job = agent.job(newCallId(), "demo_echo", { text: "hello" });
    await agent.add(job);
    const { call_id, tool_name, arguments: args, turn_id } = job;
    expect(await agent.result(job)).toMatchObject({
      ...{ call_id, tool_name, arguments: args, turn_id },
      ...{ status: "completed", result: "hello" },
    });
  });

  it("answers a call that cannot be with a failure that says why", async () => {
    await startWorker();
    const unknown = agent.job(newCallId(), "demo_nothing");
    const invalid = agent.job(newCallId(), "demo_sleep", { ms: "long" });
    const failing = agent.job(newCallId(), "demo_fail", { message: "No luck today." });
    await Promise.all([unknown, invalid, failing].map(agent.add));
    expect(await agent.result(unknown)).toMatchObject({
      status: "failed",
      result: "There is no tool named demo_nothing.",
    });
    expect((await agent.result(invalid)).result).toMatch(/^The arguments of demo_sleep are not valid: ms must be /);
    expect(await agent.result(failing)).toMatchObject({ status: "failed", result: "No luck today." });
  });

  it("announces its tools, without those of a cluster it does not have", async () => {
    await startWorker();
    const cache = connectRedis({ url: signedIn(redis.url, "agent"), role: "cache", log });
    const catalogue = createToolCatalogue({ redis: cache, log });
    await eventually(() => cache.status === "ready", { what: "the connection" });
    const names = (await catalogue.list()).map(({ name }) => name);
    cache.disconnect();
    const shipped = ["diagnosis_answer", "diagnosis_start", "workshop_book", "workshop_cancel", "workshop_history"];
    expect(names).toEqual([
      ...["demo_change", "demo_counter", "demo_echo", "demo_fail", "demo_report", "demo_sleep"],
      ...[...shipped, "workshop_list", "workshop_prices", "workshop_slots"],
    ]);
  });

  it("runs nothing when a result is stored already", async () => {
    const job = agent.job(newCallId(), "demo_counter");
    const next = agent.job(newCallId(), "demo_counter");
    await agent.writeResult(job, "from before");
    await agent.add(job);
    await agent.add(next);
    await startWorker();
    expect((await agent.result(next)).result).toBe("Counted.");
    expect((await agent.result(job)).result).toBe("from before");
    expect(await countIn(counterFile)).toMatchObject({ [next.call_id]: 1 });
    expect(await countIn(counterFile)).not.toHaveProperty(job.call_id);
  });

  it("drops a result that comes second", async () => {
    const worker = await startWorker();
    // Longer than the other result takes to be written on a busy machine.
    const job = agent.job(newCallId(), "demo_sleep", { ms: 2_000 });
    await agent.add(job);
    await running(worker, 1);
    await agent.writeResult(job, "the first");
    await running(worker, 0);
    expect((await agent.result(job)).result).toBe("the first");
    expect(await metricsOf(worker)).toContain('parley_tool_results_refused_total{service="tool-worker"} 1');
  });

  it("does not begin a call of a cancelled turn", async () => {
    const job = agent.job(newCallId(), "demo_counter");
    await agent.cancel(job);
    await agent.add(job);
    await startWorker();
    expect(await agent.result(job)).toMatchObject({ status: "cancelled", result: "demo_counter was cancelled." });
    expect(await countIn(counterFile)).not.toHaveProperty(job.call_id);
  });

  it("stops a running call when its turn is cancelled", async () => {
    const worker = await startWorker();
    const job = agent.job(newCallId(), "demo_sleep", { ms: 30_000 });
    const other = agent.job(newCallId(), "demo_sleep", { ms: 1_000 });
    await Promise.all([agent.add(job), agent.add(other)]);
    await running(worker, 2);
    const startMs = performance.now();
    await agent.cancel(job);
    expect(await agent.result(job)).toMatchObject({ status: "cancelled", result: "demo_sleep was cancelled." });
    expect(performance.now() - startMs).toBeLessThan(500);
    expect(await agent.result(other)).toMatchObject({ status: "completed" });
  });

  it("stops a call that takes longer than it may", async () => {
    await startWorker();
    const job = { ...agent.job(newCallId(), "demo_counter", { ms: 30_000 }), timeout_ms: 300 };
    await agent.add(job);
    expect(await agent.result(job)).toMatchObject({
      status: "unknown",
      result: unknownEffect("demo_counter did not finish within 0.3 s."),
    });
  });

  it("shows progress, but not more than five times a second", async () => {
    await startWorker();
    const job = agent.job(newCallId(), "demo_sleep", { ms: 1_000 });
    await agent.add(job);
    await agent.result(job);
    const shown = (await agent.events(job)).filter((subject) => subject.includes(".toolp."));
    expect(shown.length).toBeGreaterThanOrEqual(2);
    expect(shown.length).toBeLessThanOrEqual(6);
  });

  it("is ready only with Redis and NATS", async () => {
    const worker = await startWorker();
    const problems = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${worker.adminPort}/readyz`)).json();
    await redis.kill();
    await eventually(async () => JSON.stringify(await problems()).includes("Redis cannot be reached."), {
      what: "503",
    });
    await redis.restart();
    await eventually(async () => JSON.stringify(await problems()).includes('"ready":true'), { what: "200" });
  });
});
