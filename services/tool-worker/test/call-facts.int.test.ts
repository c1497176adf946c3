import { writeFile } from "node:fs/promises";
import path from "node:path";
import { limits, subjects, unknownEffect, type FactOf, type ToolJob } from "@parley/protocol";
import { type Broker, startNats, startRedis, startService, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addressOf, type Agent, countIn, startAgent } from "./support/agent.ts";

let nats: Broker;
let redis: Broker;
let agent: Agent;
let counterFile: string;
let folder: Awaited<ReturnType<typeof tempDir>>;
let turns = 0;

beforeAll(async () => {
  [nats, redis, folder] = await Promise.all([startNats(), startRedis({ persist: false }), tempDir()]);
  counterFile = path.join(folder.path, "counter");
  agent = await startAgent(nats, redis);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis, folder].map((resource) => resource[Symbol.asyncDispose]()));
});

const startWorker = (env: Record<string, string> = {}) =>
  startService("tool-worker", {
    ...{ NATS_URL: nats.url, REDIS_URL: redis.url, DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile },
    ...{ LOCK_MS: "1500", STALLED_CHECK_MS: "300", SHUTDOWN_MS: "5000", ...env },
  });

const newCallId = (): string => `t${turns++}-0-0`;

function begunBy(job: ToolJob, worker: string, ts = Date.now()): FactOf<"begun"> {
  const { conversation_id, turn_id, call_id } = job;
  return { kind: "begun", v: 1, conversation_id, turn_id, ts, call_id, worker };
}

function resultOf(job: ToolJob, result: string): FactOf<"result"> {
  const { conversation_id, turn_id, call_id, tool_name, arguments: args } = job;
  const call = { call_id, tool_name, arguments: args, status: "completed", result, duration_ms: 1 };
  return { kind: "result", v: 1, conversation_id, turn_id, ts: 1, ...call };
}

it("P5: a write that began before its events were forgotten is never run again", async () => {
  const job = { ...agent.job(newCallId(), "demo_counter"), timeout_ms: 500 };
  await agent.bus.facts.write(begunBy(job, "lost", Date.now() - 60_000));
  await using _worker = await startWorker();
  await agent.add(job);
  expect(await agent.result(job)).toMatchObject({
    status: "unknown",
    result: unknownEffect("the worker that ran demo_counter was lost."),
  });
  expect(await countIn(counterFile)).not.toHaveProperty(job.call_id);
});

it.each<[string, string, Record<string, string>, (job: ToolJob) => unknown]>([
  ["its turn was cancelled", "demo_counter", {}, (job) => agent.cancel(job)],
  ["there is no such tool any more", "demo_gone", {}, () => undefined],
  ["the policy denies it", "demo_counter", { TOOL_POLICY_FILE: "policy.yaml" }, () => undefined],
])("P5: a write that a lost worker began is told as unknown also where by now %s", async (_, tool, env, happen) => {
  const policy = path.join(folder.path, "policy.yaml");
  await writeFile(policy, "read_only: true\n");
  const job = { ...agent.job(newCallId(), tool), timeout_ms: 500 };
  await agent.bus.facts.write(begunBy(job, "lost", Date.now() - 60_000));
  await happen(job);
  await using _worker = await startWorker("TOOL_POLICY_FILE" in env ? { TOOL_POLICY_FILE: policy } : {});
  await agent.add(job);
  expect(await agent.result(job)).toMatchObject({ status: "unknown" });
});

it("P5: nobody can run a change any more that was told as not run", async () => {
  const job = agent.job(newCallId(), "demo_counter");
  await agent.cancel(job);
  await using _worker = await startWorker();
  await agent.add(job);
  expect(await agent.result(job)).toMatchObject({ status: "cancelled" });
  expect(await agent.bus.facts.read("begun", addressOf(job))).toMatchObject({ kind: "begun", barred: true });
});

it("P5: a write that ran is not run again when its events are forgotten: its result is told again, the same", async () => {
  const job = agent.job(newCallId(), "demo_counter");
  await using _worker = await startWorker();
  const before = await agent.call(job);
  await agent.forgetEvents();
  expect(await agent.call(job)).toEqual(before);
  expect(await countIn(counterFile)).toMatchObject({ [job.call_id]: 1 });
});

it("P5: a licence of a worker of the version before, which wrote the event alone, counts too", async () => {
  const job = { ...agent.job(newCallId(), "demo_counter"), timeout_ms: 500 };
  const { conversation_id, turn_id, call_id } = job;
  const event = { type: "tool_begun" as const, conversation_id, turn_id, ts: Date.now(), call_id, worker: "old" };
  await agent.bus.events.writeOnce(subjects.toolBegun(0, conversation_id, turn_id, call_id), event);
  await using _worker = await startWorker();
  await agent.add(job);
  expect(await agent.result(job)).toMatchObject({ status: "unknown" });
  expect(await countIn(counterFile)).not.toHaveProperty(call_id);
});

it("P5: a call is not begun whose turn was cancelled before its events were forgotten", async () => {
  const job = agent.job(newCallId(), "demo_counter");
  const { conversation_id, turn_id } = job;
  const cancel = { kind: "cancel" as const, v: 1, conversation_id, turn_id, ts: 1, by: "u1", reason: "enough" };
  await agent.bus.facts.write(cancel);
  await using _worker = await startWorker();
  await agent.add(job);
  expect(await agent.result(job)).toMatchObject({ status: "cancelled" });
  expect(await countIn(counterFile)).not.toHaveProperty(job.call_id);
});

it("whoever finds a result without its event tells of it, and runs nothing", async () => {
  const job = agent.job(newCallId(), "demo_counter");
  await agent.bus.facts.write(resultOf(job, "stored by one that died"));
  await using _worker = await startWorker();
  await agent.add(job);
  expect(await agent.result(job)).toMatchObject({ status: "completed", result: "stored by one that died", ts: 1 });
  expect(await countIn(counterFile)).not.toHaveProperty(job.call_id);
});

it("P5: a result that cannot be read is one, of a call that nobody knows the effect of", async () => {
  const job = agent.job(newCallId(), "demo_counter");
  const { conversation_id, turn_id, call_id } = job;
  const subject = subjects.fact(0, conversation_id, turn_id, { kind: "result", call: call_id });
  await agent.bus.events.append({ subject, data: new Uint8Array([0xff]) });
  await using _worker = await startWorker({ LOG_LEVEL: "silent" });
  await agent.add(job);
  expect(await agent.result(job)).toMatchObject({ status: "unknown" });
  expect(await countIn(counterFile)).not.toHaveProperty(call_id);
});

it("a long result is kept whole, and its event has a bounded beginning and says where the whole is", async () => {
  await using _worker = await startWorker();
  const text = `${"äöü ".repeat(20)}\n`.repeat(700);
  const job = agent.job(newCallId(), "demo_echo", { text: text.trimEnd() });
  await agent.add(job);
  const told = await agent.result(job);
  expect(told).toMatchObject({
    ...{ status: "completed", truncated: true },
    ...{ result_id: job.call_id, result_bytes: Buffer.byteLength(text.trimEnd()) },
  });
  expect(Buffer.byteLength(JSON.stringify(told.result))).toBeLessThanOrEqual(limits.toolResultBytes + 2);
  expect(await agent.bus.facts.read("result", addressOf(job))).toMatchObject({ result: text.trimEnd() });
});

it("P7: where there is no room for a licence a write does not run, and what a read comes to is told all the same", async () => {
  await using full = await startNats();
  const others = await startAgent(full, redis, { factsMaxBytes: 800 });
  try {
    await using worker = await startWorker({ NATS_URL: full.url, LOG_LEVEL: "fatal" });
    // Both are too large for what is left of it.
    const filler = others.job("f0-0-0", "demo_echo");
    await others.bus.facts.write(resultOf(filler, "y".repeat(500)));
    const write = others.job(newCallId(), "demo_counter");
    const read = others.job(newCallId(), "demo_echo", { text: "told ".repeat(60) });
    await Promise.all([others.add(write), others.add(read)]);
    expect(await others.result(write)).toMatchObject({
      status: "failed",
      result: "demo_counter was not run: the service has no room to note that it runs. Nothing was changed.",
    });
    expect(await others.result(read)).toMatchObject({ status: "completed", result: "told ".repeat(60) });
    expect(await countIn(counterFile)).not.toHaveProperty(write.call_id);
    expect((await fetch(`http://127.0.0.1:${worker.adminPort}/readyz`)).status).toBe(200);
  } finally {
    await others[Symbol.asyncDispose]();
  }
});
