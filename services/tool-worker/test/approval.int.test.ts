import { writeFile } from "node:fs/promises";
import path from "node:path";
import { subjects, type FactOf, type ToolJob } from "@parley/protocol";
import { type Broker, eventually, startNats, startRedis, startService, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addressOf, type Agent, countIn, startAgent } from "./support/agent.ts";

let nats: Broker;
let redis: Broker;
let agent: Agent;
let counterFile: string;
let folder: Awaited<ReturnType<typeof tempDir>>;
let turns = 0;

const ttlMs = 60_000;
const notTheSame = "Not run: what was approved is not what would run.";

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
    ...{ LOCK_MS: "1500", STALLED_CHECK_MS: "300", SHUTDOWN_MS: "5000", APPROVAL_TTL_MS: String(ttlMs), ...env },
  });

const change = (args: Record<string, unknown> = {}): ToolJob =>
  agent.job(`t${turns++}-0-0`, "demo_change", { text: "forty-two", ...args });
const askedSubject = ({ turn_id, call_id }: ToolJob): string => subjects.approvalRequired(0, "c1", turn_id, call_id);
const told = async (job: ToolJob): Promise<unknown> =>
  eventually(async () => (await agent.bus.events.last(askedSubject(job)))?.event, { what: "the question's event" });
const timesOf = async ({ call_id }: ToolJob): Promise<number> => (await countIn(counterFile))[call_id] ?? 0;
const idle = (): Promise<boolean> =>
  eventually(
    async () => {
      const { waiting, active } = await agent.queue.counts();
      return waiting + active === 0;
    },
    { what: "an empty queue" },
  );
/** The fact as a worker would have written it that was lost right after. */
function askedFact(job: ToolJob, fields: Partial<FactOf<"asked">> = {}): FactOf<"asked"> {
  const { conversation_id, turn_id, call_id, tool_name } = job;
  const question = { summary: "Adds a line.", expires_at: 60_001, hash: "not computed" };
  return { kind: "asked", v: 1, conversation_id, turn_id, ts: 1, call_id, tool_name, ...question, ...fields };
}

it("P11: a call that needs a person's word is asked about and not run", async () => {
  await using _worker = await startWorker();
  const job = change({ confirm: true });
  await agent.add(job);
  const fact = await agent.asked(job);
  const { call_id, conversation_id, turn_id, tool_name, arguments: args } = job;
  const question = {
    summary: 'Adds the line "forty-two" to the demonstration\'s file.',
    preview: { kind: "diff", text: "+forty-two" },
    confirm: "forty-two",
    expires_at: fact.ts + ttlMs,
  };
  expect(fact).toMatchObject({ call_id, conversation_id, turn_id, tool_name, ...question });
  expect(fact.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(await told(job)).toEqual({
    ...{ type: "approval_required", conversation_id, turn_id, ts: fact.ts, call_id, tool_name, arguments: args },
    ...question,
  });
  await idle();
  expect(await agent.bus.facts.ofCalls(conversation_id, turn_id, [call_id])).toEqual(new Map());
  expect(await timesOf(job)).toBe(0);
});

it("P11: a call that a person has agreed to runs once, however often it is added", async () => {
  await using _worker = await startWorker();
  const job = change();
  await agent.add(job);
  await agent.decide(job, { approved: true });
  await Promise.all([agent.go(job), agent.add(job), agent.go(job)]);
  expect(await agent.result(job)).toMatchObject({ status: "completed", result: "Changed: forty-two" });
  await Promise.all([agent.go(job), agent.add(job)]);
  await idle();
  expect(await timesOf(job)).toBe(1);
});

it.each([
  ["denied", { approved: false }],
  ["expired", { approved: false, expired: true as const, reason: "expired" }],
])("P11: a call that was %s never runs, and its result is left to the agent", async (_, decision) => {
  await using _worker = await startWorker();
  const job = change();
  await agent.add(job);
  await agent.decide(job, decision);
  await agent.go(job);
  await idle();
  expect(await agent.bus.facts.read("result", addressOf(job))).toBeUndefined();
  expect(await timesOf(job)).toBe(0);
});

it("P9: a call that a person has agreed to does not run when whoever asked may not run the tool any more", async () => {
  const limits = path.join(folder.path, "limits.yaml");
  await writeFile(limits, "{}");
  await using worker = await startWorker({ LIMITS_FILE: limits });
  const job = change();
  await agent.add(job);
  await agent.decide(job, { approved: true });
  await writeFile(
    limits,
    "roles: { everybody: { actions: ['*'], agents: ['*'], models: ['*'], tools: ['demo_echo'] } }",
  );
  await eventually(() => worker.output().includes("were read again"), { what: "the new limits" });
  await agent.go(job);
  expect(await agent.result(job)).toMatchObject({ status: "denied", result: expect.stringContaining("not allowed") });
  expect(await timesOf(job)).toBe(0);
  const own = agent.job(`t${turns++}-0-0`, "demo_echo", { text: "hello" });
  expect(await agent.call(own)).toMatchObject({ status: "completed" });
});

it("P11: agreement that came when the time was over is none", async () => {
  const job = change();
  await agent.bus.facts.write(askedFact(job, { ts: 20_000, expires_at: 10_000 }));
  await agent.decide(job, { approved: true });
  await using _worker = await startWorker();
  await agent.go(job);
  expect(await agent.result(job)).toMatchObject({
    status: "denied",
    result: "Nobody agreed in time, so this was not done.",
  });
  expect(await timesOf(job)).toBe(0);
});

it("P11: agreement to another question is none", async () => {
  await using _worker = await startWorker();
  const job = change();
  await agent.add(job);
  await agent.decide(job, { approved: true, hash: "0".repeat(64) });
  await agent.go(job);
  expect(await agent.result(job)).toMatchObject({ status: "failed", result: notTheSame });
  expect(await timesOf(job)).toBe(0);
});

it("P11: agreement is for the change that was shown: not if it would be another one by now", async () => {
  await using _worker = await startWorker();
  const [exact, between] = [change({ text: "exact", exact: true }), change({ text: "between" })];
  await Promise.all([agent.add(exact), agent.add(between)]);
  await Promise.all([agent.decide(exact, {}), agent.decide(between, {})]);
  await agent.go(between);
  await agent.result(between);
  await agent.go(exact);
  expect(await agent.result(exact)).toMatchObject({ status: "failed", result: notTheSame });
  expect(await timesOf(exact)).toBe(0);
});

it("what the dry run says is wrong is the call's result, and nobody is asked", async () => {
  await using _worker = await startWorker();
  const first = change({ text: "again" });
  await agent.add(first);
  await agent.decide(first, {});
  await agent.go(first);
  await agent.result(first);
  const second = change({ text: "again", exact: true });
  await agent.add(second);
  expect(await agent.result(second)).toMatchObject({
    status: "failed",
    result: "That is what the last line says already.",
  });
  expect(await agent.bus.facts.read("asked", addressOf(second))).toBeUndefined();
});

it("nobody is asked about a turn that was cancelled", async () => {
  const job = change();
  await agent.cancel(job);
  await agent.add(job);
  await using _worker = await startWorker();
  expect(await agent.result(job)).toMatchObject({ status: "cancelled", result: "demo_change was cancelled." });
  expect(await agent.bus.facts.read("asked", addressOf(job))).toBeUndefined();
  expect(await agent.events(job)).not.toContain(askedSubject(job));
});

it("whoever finds a question without its event tells it, the same", async () => {
  const job = change();
  await agent.bus.facts.write(askedFact(job, { confirm: "yes" }));
  await using _worker = await startWorker();
  await agent.add(job);
  expect(await told(job)).toMatchObject({ ts: 1, summary: "Adds a line.", confirm: "yes", expires_at: 60_001 });
  await idle();
  expect(await agent.bus.facts.read("asked", addressOf(job))).toMatchObject({ hash: "not computed" });
});

it("an agreement whose question was deleted with its conversation does nothing", async () => {
  await using _worker = await startWorker();
  const job = change();
  await agent.add(job);
  await agent.decide(job, { approved: true });
  // A conversation is deleted when nothing of it runs any more.
  await idle();
  await agent.bus.conversations.purge(job.conversation_id);
  await agent.go(job);
  await idle();
  expect(await agent.events(job)).toEqual([]);
  for (const kind of ["asked", "result", "begun"] as const)
    expect(await agent.bus.facts.read(kind, addressOf(job))).toBeUndefined();
  expect(await timesOf(job)).toBe(0);
});

/** What stands where a fact should, and is none. */
const garble = ({ conversation_id, turn_id, call_id }: ToolJob, kind: string): Promise<unknown> =>
  agent.bus.events.append({
    subject: subjects.fact(0, conversation_id, turn_id, { kind, call: call_id }),
    data: new Uint8Array([0xff]),
  });

it("P11: a call whose question cannot be read fails, and never runs", async () => {
  await using _worker = await startWorker({ LOG_LEVEL: "silent" });
  const job = change();
  await garble(job, "asked");
  await agent.go(job);
  expect(await agent.result(job)).toMatchObject({
    status: "failed",
    result: "demo_change was not run: what was asked about it cannot be read any more. Nothing was changed.",
  });
  expect(await timesOf(job)).toBe(0);
});

it("P11: a decision that cannot be read is no agreement", async () => {
  await using _worker = await startWorker({ LOG_LEVEL: "silent" });
  const job = change();
  await agent.add(job);
  await agent.asked(job);
  await garble(job, "decided");
  await agent.go(job);
  await idle();
  expect(await agent.bus.facts.read("result", addressOf(job))).toBeUndefined();
  expect(await timesOf(job)).toBe(0);
});

it("P7: where there is no room for a question the call fails with a sentence, and nobody is asked", async () => {
  await using full = await startNats();
  const others = await startAgent(full, redis, { factsMaxBytes: 800 });
  try {
    await using _worker = await startWorker({ NATS_URL: full.url, LOG_LEVEL: "fatal" });
    const filler = others.job("f0-0-0", "demo_change");
    await others.bus.facts.write(askedFact(filler, { summary: "y".repeat(500) }));
    const job = change();
    await others.add(job);
    expect(await others.result(job)).toMatchObject({
      status: "failed",
      result: "demo_change was not run: the service has no room to ask whether it may. Nothing was changed.",
    });
    expect(await others.events(job)).not.toContain(askedSubject(job));
  } finally {
    await others[Symbol.asyncDispose]();
  }
});

it("asks when the broker is back that was away", { timeout: 60_000 }, async () => {
  await using broker = await startNats();
  const others = await startAgent(broker, redis);
  try {
    await using _worker = await startWorker({ NATS_URL: broker.url, LOG_LEVEL: "fatal" });
    const job = await others.commit(change());
    await broker.kill();
    await others.add(job);
    await eventually(async () => (await others.queue.counts()).active === 1, { what: "the call being taken" });
    await broker.restart();
    expect(await others.asked(job)).toMatchObject({ summary: expect.stringContaining("forty-two") });
  } finally {
    await others[Symbol.asyncDispose]();
  }
});
