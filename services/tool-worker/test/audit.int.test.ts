import path from "node:path";
import type { AuditRecord } from "@parley/bus";
import { createMay, RightsByRole, type AuditEntry, type ToolJob } from "@parley/protocol";
import { type Broker, eventually, startNats, startRedis, startService, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { PolicyFile } from "../src/policy/policy-file.ts";
import { decide as judge } from "../src/policy/verdict.ts";
import { defineTool, type Tool } from "../src/tools/tool.ts";
import { type Agent, countIn, startAgent } from "./support/agent.ts";
import { startRunner } from "./support/in-process.ts";

let nats: Broker;
let redis: Broker;
let agent: Agent;
let turns = 0;

beforeAll(async () => {
  [nats, redis] = await Promise.all([startNats(), startRedis({ persist: false })]);
  agent = await startAgent(nats, redis);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis].map((resource) => resource[Symbol.asyncDispose]()));
});

/** What a tool of a cluster says of itself; how often it ran. */
function scaling({ effect = "write" as const, asks = true }: { effect?: "read" | "write"; asks?: boolean } = {}) {
  let runs = 0;
  const tool: Tool = defineTool({
    ...{ name: "k8s_scale", aliases: ["scale"], description: "Scales.", effect, timeoutMs: 5_000 },
    input: z.strictObject({ replicas: z.int(), token: z.string().optional() }),
    access: () => [
      {
        system: "kubernetes",
        cluster: "dev",
        verb: "patch",
        group: "apps",
        kind: "Deployment",
        namespace: "shop",
        name: "web",
      },
    ],
    ...(asks ? { approval: { summary: ({ replicas }: { replicas: number }) => `Scales web to ${replicas}.` } } : {}),
    run: async () => {
      runs++;
      return "Scaled. ✓";
    },
  });
  return { tool, runs: () => runs };
}

function policyOf(file: object) {
  const parsed = PolicyFile.parse(file);
  return { decide: (question: Parameters<typeof judge>[1]) => judge(parsed, question) };
}

const allowing = policyOf({ rules: [{ tool: "k8s_*", verdict: "allow" }] });

function newJob(more: Partial<ToolJob> = {}): ToolJob {
  const job = agent.job(`au${turns++}-0-0`, "scale", { replicas: 3 });
  const caller = { tenant: "acme", roles: ["engineer"], session: "s1", address: "192.0.2.1" };
  return { ...job, caller, ...more };
}

async function recordsOf({ call_id }: ToolJob, of = agent): Promise<readonly AuditRecord[]> {
  const { records } = await of.bus.audit.page({ limit: 20, matches: (entry) => entry.call_id === call_id });
  return records.toReversed();
}
async function entriesOf(job: ToolJob, count: number, of = agent): Promise<AuditEntry[]> {
  const records = await eventually(
    async () => {
      const found = await recordsOf(job, of);
      return found.length === count ? found : undefined;
    },
    { what: `${count} entries about ${job.call_id}` },
  );
  return records.map(({ entry }) => entry);
}

it("a call that changes something stands there when it begins and when it ends, with who, what and by which rule", async () => {
  const { tool } = scaling();
  const runner = await startRunner(agent, [tool], { policy: allowing });
  const job = newJob();
  await runner.run(job);
  const [begun, ended] = await entriesOf(job, 2);
  const { conversation_id, turn_id, call_id } = job;
  expect(begun).toEqual({
    ...{ v: 1, kind: "begun", writer: "in-process", user: { id: "u1" }, conversation_id, turn_id, call_id },
    ...{ tenant: "acme", roles: ["engineer"], session: "s1", address: "192.0.2.1", tool: "k8s_scale", effect: "write" },
    access: [
      {
        system: "kubernetes",
        cluster: "dev",
        verb: "patch",
        group: "apps",
        kind: "Deployment",
        namespace: "shop",
        name: "web",
      },
    ],
    ...{ arguments_hash: expect.stringMatching(/^[\da-f]{64}$/), verdict: "allow", rule: "rule 1" },
  });
  expect(ended).toMatchObject({ kind: "ended", status: "completed", result_bytes: 11, verdict: "allow" });
});

it("a call that only reads is one entry", async () => {
  const runner = await startRunner(agent, [scaling({ effect: "read", asks: false }).tool], { policy: allowing });
  const job = newJob();
  await runner.run(job);
  expect(await entriesOf(job, 1)).toMatchObject([{ kind: "ended", status: "completed", effect: "read" }]);
});

it("a question stands there once, however often it is told, and the beginning says by whose word", async () => {
  const policy = policyOf({ rules: [{ tool: "k8s_*", verdict: "approve", reason: "Ask first." }] });
  const { tool, runs } = scaling();
  const runner = await startRunner(agent, [tool], { policy });
  const job = newJob();
  for (let i = 0; i < 3; i++) await runner.run(job);
  const asked = await agent.asked(job);
  expect(await entriesOf(job, 1)).toMatchObject([
    {
      ...{ kind: "asked", hash: asked.hash, expires_at: asked.expires_at },
      ...{ verdict: "approve", rule: "rule 1", reason: "Ask first." },
    },
  ]);
  await agent.decide(job, { approved: true, by: { id: "olga", name: "Olga" } });
  await runner.run(job, { go: true });
  expect(await entriesOf(job, 3)).toMatchObject([
    { kind: "asked" },
    { kind: "begun", hash: asked.hash, agreed_by: { id: "olga", name: "Olga" } },
    { kind: "ended", status: "completed" },
  ]);
  expect(runs()).toBe(1);
});

it("a question says that somebody else has to agree, and the word of whoever asked runs nothing", async () => {
  const policy = policyOf({ four_eyes: [{ tool: "k8s_*" }], rules: [{ tool: "k8s_*", verdict: "approve" }] });
  const { tool, runs } = scaling();
  const runner = await startRunner(agent, [tool], { policy });
  const job = newJob();
  await runner.run(job);
  expect(await entriesOf(job, 1)).toMatchObject([{ kind: "asked", four_eyes: true }]);
  await agent.decide(job, { approved: true, by: { id: "u1" } });
  await runner.run(job, { go: true });
  expect(await entriesOf(job, 2)).toMatchObject([{ kind: "asked" }, { kind: "ended", status: "denied" }]);
  expect(runs()).toBe(0);
});

it.each([
  ["the policy", { policy: policyOf({ read_only: true }) }, { verdict: "deny", access: [{ name: "web" }] }],
  ["suggest-only mode", { policy: policyOf({ suggest_only: true }) }, { verdict: "suggest" }],
  [
    "the rights of the caller",
    { may: createMay(RightsByRole.parse({ everybody: { actions: [] } })) },
    { verdict: "deny", rule: "rights of the caller" },
  ],
])("what %s keeps from running stands there as refused", async (_by, options, entry) => {
  const { tool, runs } = scaling();
  const runner = await startRunner(agent, [tool], options);
  const job = newJob();
  await runner.run(job);
  expect(await entriesOf(job, 1)).toMatchObject([{ kind: "refused", tool: "k8s_scale", user: { id: "u1" }, ...entry }]);
  expect(runs()).toBe(0);
});

it("keeps arguments only where it is set so, and no secret even there", async () => {
  const secret = "hunter2-hunter2";
  const job = newJob({ arguments: { replicas: 3, token: secret } });
  const runner = await startRunner(agent, [scaling().tool], { policy: allowing, withArguments: true });
  await runner.run(job);
  for (const entry of await entriesOf(job, 2)) {
    expect(entry.arguments).toContain('"replicas":3');
    expect(JSON.stringify(entry)).not.toContain(secret);
  }
});

it("what changes something does not begin where it cannot be noted, and says so; what only reads goes on", async () => {
  await using full = await startNats();
  const tight = await startAgent(full, redis, { auditMaxBytes: 4_000 });
  for (let i = 0; i < 20; i++)
    await tight.bus.audit.write({ v: 1, kind: "admin", writer: "a test", reason: "x".repeat(500) }, `${i}`);
  const [write, read] = [scaling(), scaling({ effect: "read", asks: false })];
  const [writing, reading] = [
    await startRunner(tight, [write.tool], { policy: allowing }),
    await startRunner(tight, [read.tool], { policy: allowing }),
  ];
  const [changed, looked] = [newJob(), newJob()];
  await writing.run(changed);
  expect(await tight.result(changed)).toMatchObject({
    ...{ status: "failed", result: "scale was not run: it could not be noted in the audit log. Nothing was changed." },
  });
  expect(write.runs()).toBe(0);
  await reading.run(looked);
  expect(await tight.result(looked)).toMatchObject({ status: "completed" });
  expect(tight.bus.audit.counts().lost.get("begun")).toBe(1);
  await tight[Symbol.asyncDispose]();
});

it(
  "a worker that is killed in between leaves the beginning, and whoever finds the call says that its end is not known",
  { timeout: 60_000 },
  async () => {
    await using folder = await tempDir();
    const counterFile = path.join(folder.path, "counter");
    const start = () =>
      startService("tool-worker", {
        ...{ NATS_URL: nats.url, REDIS_URL: redis.url, DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile },
        ...{ LOCK_MS: "1500", STALLED_CHECK_MS: "300", SHUTDOWN_MS: "5000", CONCURRENCY: "1" },
      });
    await using first = await start();
    const job = agent.job(`au${turns++}-0-0`, "demo_counter", { ms: 60_000 });
    await agent.add(job);
    await eventually(async () => (await countIn(counterFile))[job.call_id] === 1, { what: "the change" });
    await first.kill();
    expect((await recordsOf(job)).map(({ entry }) => entry.kind)).toEqual(["begun"]);
    await using _second = await start();
    await agent.call(job);
    const [begun, ended] = await entriesOf(job, 2);
    expect(ended).toMatchObject({ kind: "ended", status: "unknown" });
    expect(ended?.writer).not.toBe(begun?.writer);
  },
);
