import path from "node:path";
import { type ToolJob } from "@parley/protocol";
import { callHash } from "@parley/protocol/approval-hash";
import { type Broker, eventually, type Service, startNats, startRedis, startService, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressOf, type Agent, countIn, startAgent } from "./support/agent.ts";

// Whoever has the password of Redis can add any job; whoever has not that of an agent worker cannot commit a step (docs/adr/0022).

let nats: Broker;
let redis: Broker;
let agent: Agent;
let worker: Service;
let counterFile: string;
let folder: Awaited<ReturnType<typeof tempDir>>;
let turns = 0;

beforeAll(async () => {
  [nats, redis, folder] = await Promise.all([startNats(), startRedis({ persist: false }), tempDir()]);
  counterFile = path.join(folder.path, "counter");
  agent = await startAgent(nats, redis);
  worker = await startService("tool-worker", {
    ...{ NATS_URL: nats.url, REDIS_URL: redis.url, DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile },
    LOG_FORMAT: "json",
  });
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis, folder].map((resource) => resource[Symbol.asyncDispose]()));
});

const newJob = (tool: string, args = {}): ToolJob => agent.job(`t${turns++}-0-0`, tool, args);
const timesOf = async ({ call_id }: ToolJob): Promise<number> => (await countIn(counterFile))[call_id] ?? 0;

async function unverified(why: string): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${worker.adminPort}/metrics`)).text();
  const line = metrics
    .split("\n")
    .find((one) => one.startsWith("parley_tool_jobs_unverified_total") && one.includes(`why="${why}"`));
  return Number(line?.split(" ").at(-1) ?? 0);
}

/** Adds a job past the agent, and waits until a worker has dropped it. */
async function isDropped(job: ToolJob, why: string, go = false): Promise<void> {
  const before = await unverified(why);
  await agent.queue.add(job, { go });
  await eventually(async () => (await unverified(why)) > before, { what: `a job being dropped: ${why}` });
  expect(worker.output()).toContain(`"why":"${why}"`);
}

async function isUntouched(job: ToolJob): Promise<void> {
  expect(await timesOf(job)).toBe(0);
  for (const kind of ["asked", "result", "begun"] as const)
    expect(await agent.bus.facts.read(kind, addressOf(job))).toBeUndefined();
}

describe("P9: a job that nobody has committed runs nothing and leaves nothing", () => {
  it("of a turn that nobody knows", async () => {
    const job = newJob("demo_counter");
    await isDropped(job, "no_step");
    await isUntouched(job);
  });

  it.each<[string, Partial<ToolJob>]>([
    ["another step's place", { step_seq: 1 }],
    ["a place that is not there", { step_seq: 4_000_000_000 }],
  ])("that names %s", async (_, other) => {
    const job = { ...newJob("demo_counter"), ...other };
    await agent.commit(newJob("demo_counter"));
    await isDropped(job, "no_step");
    await isUntouched(job);
  });

  it.each<[string, string, Partial<ToolJob>]>([
    ["with other arguments", "arguments", { arguments: { ms: 1 } }],
    ["with an argument more", "arguments", { arguments: { ms: 0, more: null } }],
    ["of another tool", "other_call", { tool_name: "demo_change" }],
    ["for another user", "caller", { user: { id: "u2" } }],
    ["with more roles", "caller", { caller: { roles: ["operator"] } }],
    ["of another tenant", "caller", { caller: { roles: [], tenant: "acme" } }],
    ["of another call of the turn", "no_step", { call_id: "t-other-0-1" }],
    ["of another turn, at the place of this one", "no_step", { turn_id: "t-other", call_id: "t-other-0-0" }],
    ["of another conversation, at the place of this one", "no_step", { conversation_id: "c2" }],
  ])("%s; the call itself runs all the same", async (_, why, other) => {
    const job = await agent.commit(newJob("demo_counter", { ms: 0 }));
    await isDropped({ ...job, ...other }, why);
    await isUntouched(job);
    expect(await agent.call(job)).toMatchObject({ status: "completed" });
    expect(await timesOf(job)).toBe(1);
  });

  it("whose step says why it cannot run", async () => {
    const job = newJob("demo_counter");
    const { call_id, tool_name, arguments: args } = job;
    const problem = "Not run: at most 8 calls are run at once.";
    const committed = await agent.commit(job, { tool_calls: [{ call_id, tool_name, arguments: args, problem }] });
    await isDropped(committed, "other_call");
    await isUntouched(job);
  });

  it("of a conversation that was deleted", async () => {
    const job = { ...newJob("demo_counter"), conversation_id: "c1" };
    const committed = await agent.commit(job);
    await agent.bus.conversations.purge("c1");
    await isDropped(committed, "no_step");
    await isUntouched(job);
  });
});

it.each<[string, Partial<ToolJob>]>([
  ["arguments", { arguments: { text: "forty-three" } }],
  ["a user", { user: { id: "u2" } }],
  ["roles", { caller: { roles: ["operator"] } }],
])(
  "P11: agreement is for %s as they were committed: another job is dropped, and the call runs all the same",
  async (_, other) => {
    const job = newJob("demo_change", { text: "forty-two" });
    await agent.add(job);
    await agent.decide(job, { approved: true });
    await isDropped({ ...job, ...other }, "other_question", true);
    expect(await agent.bus.facts.read("result", addressOf(job))).toBeUndefined();
    await agent.go(job);
    expect(await agent.result(job)).toMatchObject({ status: "completed", result: "Changed: forty-two" });
    expect(await timesOf(job)).toBe(1);
  },
);

it("P11: what was agreed to runs when the events of its turn are forgotten", async () => {
  const job = newJob("demo_change", { text: "late" });
  await agent.add(job);
  await agent.decide(job, { approved: true });
  await eventually(async () => (await agent.queue.counts()).active === 0, { what: "the question's job being done" });
  await agent.forgetEvents();
  await agent.queue.add(job, { go: true });
  expect(await agent.result(job)).toMatchObject({ status: "completed" });
  expect(await timesOf(job)).toBe(1);
});

it("P5: what had begun is known by its licence when its step is forgotten, and told as unknown; another job of that name is dropped", async () => {
  const job = { ...newJob("demo_counter", { ms: 0 }), timeout_ms: 300 };
  const { conversation_id, turn_id, call_id } = job;
  const begun = { v: 1, conversation_id, turn_id, ts: Date.now(), call_id, worker: "lost", call_hash: callHash(job) };
  await agent.commit(job);
  await agent.bus.facts.write<"begun">({ kind: "begun", ...begun });
  await agent.forgetEvents();
  for (const other of [{ arguments: { ms: 1 } }, { user: { id: "u2" } }, { tool_name: "demo_change" }])
    await isDropped({ ...job, ...other }, "no_step");
  await agent.queue.add(job);
  expect(await agent.result(job)).toMatchObject({ status: "unknown", arguments: { ms: 0 } });
  expect(await timesOf(job)).toBe(0);
});

describe("a job of the version before, which does not say where its step is", () => {
  it("is found among the last events of its turn, however many of others came between", async () => {
    const job = newJob("demo_counter");
    const { step_seq: _seq, ...older } = await agent.commit(job, { caller_hash: undefined });
    await Promise.all(Array.from({ length: 200 }, () => agent.commit(newJob("demo_echo"))));
    await agent.chainGoesOn(job);
    await agent.queue.add({ ...older, caller: { roles: ["sre"] } });
    expect(await agent.result(job)).toMatchObject({ status: "completed" });
    expect(await timesOf(job)).toBe(1);
  });

  it("P9: is dropped all the same when its step says something else: leaving the place out helps nobody", async () => {
    const { step_seq: _seq, ...older } = await agent.commit(newJob("demo_counter", { ms: 0 }));
    await isDropped({ ...older, arguments: { ms: 1 } }, "arguments");
    await isDropped({ ...older, user: { id: "u2" } }, "caller");
    await isUntouched(older);
  });
});
