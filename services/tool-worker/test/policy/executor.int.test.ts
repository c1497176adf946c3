import { subjects, type FactOf, type ToolJob } from "@parley/protocol";
import { type Broker, eventually, startNats, startRedis } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Policy } from "../../src/policy/live-policy.ts";
import { PolicyFile } from "../../src/policy/policy-file.ts";
import { decide } from "../../src/policy/verdict.ts";
import { defineTool, ToolError } from "../../src/tools/tool.ts";
import { addressOf, type Agent, startAgent } from "../support/agent.ts";
import { startRunner } from "../support/in-process.ts";

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

type File = Parameters<typeof PolicyFile.parse>[0];

/** A policy whose file changes. */
function policyOf(first: File): Policy & { become(file: File): void } {
  let file = PolicyFile.parse(first);
  return { decide: (question) => decide(file, question), become: (next) => void (file = PolicyFile.parse(next)) };
}

/** Changes things of a cluster, or reads them, and counts how often. */
function thing(effect: "read" | "write") {
  let runs = 0;
  const tool = defineTool({
    name: `${effect}s`,
    description: "A tool.",
    input: z.strictObject({
      name: z.string(),
      namespace: z.string().default("shop"),
      verb: z.string().default(effect === "write" ? "patch" : "get"),
      typed: z.string().optional(),
    }),
    ...{ effect, timeoutMs: 5_000 },
    access({ name, namespace, verb }) {
      if (name === "nothing") throw new ToolError("There is nothing of that name.");
      return [{ system: "kubernetes", cluster: "prod", verb, group: "", kind: "Pod", namespace, name }];
    },
    command: ({ verb, namespace, name }) => `kubectl ${verb} pod ${name} -n ${namespace}`,
    approval: {
      summary: ({ name }) => `Changes ${name}.`,
      preview: async ({ name }) => ({ kind: "text", text: `${name} changes` }),
      confirm: ({ typed }) => typed,
    },
    run: async () => {
      runs++;
      return "Done.";
    },
  });
  return { tool, runs: () => runs };
}

async function world(file: File, effect: "read" | "write" = "write") {
  const { tool, runs } = thing(effect);
  const policy = policyOf(file);
  const runner = await startRunner(agent, [tool], { policy });
  const job = (args: Record<string, unknown> = {}, more: Partial<ToolJob> = {}): ToolJob => ({
    ...agent.job(`p${turns++}-0-0`, tool.definition.name, { name: "web", ...args }),
    ...more,
  });
  return { policy, runs, runner, job, asked: (of: ToolJob) => agent.bus.facts.read("asked", addressOf(of)) };
}

const denied = (result: string) => ({ status: "denied", result: expect.stringContaining(result) });

describe("the executor decides by what a call would touch", () => {
  it("what is denied does not run, nobody is asked, and the model reads why", async () => {
    const { runner, job, runs, asked } = await world({
      rules: [{ namespace: "shop", verdict: "deny", reason: "The shop is closed." }],
    });
    const call = job();
    await runner.run(call);
    expect(await agent.result(call)).toMatchObject(
      denied("Not run: the policy of this service does not allow it. The shop is closed."),
    );
    expect(await asked(call)).toBeUndefined();
    expect(runs()).toBe(0);
  });

  it("what is allowed runs without a question, once", async () => {
    const { runner, job, runs, asked } = await world({ rules: [{ namespace: "shop", verdict: "allow" }] });
    const call = job();
    await Promise.all([runner.run(call), runner.run(call)]);
    expect(await agent.result(call)).toMatchObject({ status: "completed" });
    expect(await asked(call)).toBeUndefined();
    expect(runs()).toBe(1);
  });

  it("reading is not asked about although the tool could ask; where a rule says so it is", async () => {
    const free = await world({}, "read");
    const one = free.job();
    await free.runner.run(one);
    expect(await agent.result(one)).toMatchObject({ status: "completed" });
    const bound = await world({ rules: [{ effect: "read", verdict: "approve", reason: "Customers' data." }] }, "read");
    const other = bound.job();
    await bound.runner.run(other);
    expect(await bound.asked(other)).toMatchObject({ policy_reason: "Customers' data.", summary: "Changes web." });
    expect(bound.runs()).toBe(0);
  });

  it("where changes are only suggested the result is what a person would type", async () => {
    const { runner, job, runs } = await world({ suggest_only: true });
    const call = job();
    await runner.run(call);
    expect(await agent.result(call)).toMatchObject(
      denied("here changes are only suggested. To do it, a person can type:\n\nkubectl patch pod web -n shop"),
    );
    expect(runs()).toBe(0);
  });

  it("what a system says to what would be touched is the call's result, and nobody is asked", async () => {
    const { runner, job, asked } = await world({});
    const call = job({ name: "nothing" });
    await runner.run(call);
    expect(await agent.result(call)).toMatchObject({ status: "failed", result: "There is nothing of that name." });
    expect(await asked(call)).toBeUndefined();
  });

  it("the roles that count are those of whoever asks", async () => {
    const { runner, job } = await world({ rules: [{ role: "sre", verdict: "allow" }, { verdict: "deny" }] });
    const [theirs, others] = [job({}, { caller: { roles: ["dev", "sre"] } }), job({}, { caller: { roles: ["dev"] } })];
    await Promise.all([runner.run(theirs), runner.run(others)]);
    expect(await agent.result(theirs)).toMatchObject({ status: "completed" });
    expect(await agent.result(others)).toMatchObject(denied("(rule 2)"));
  });

  it("a tool that reads and has nothing to say to people is not run where they would have to be asked", async () => {
    const tool = defineTool({
      ...{ name: "plain", description: "A tool.", input: z.strictObject({}), effect: "read", timeoutMs: 1_000 },
      run: async () => "Read.",
    });
    const policy = policyOf({ rules: [{ tool: "plain", verdict: "approve" }] });
    const runner = await startRunner(agent, [tool], { policy });
    const call = agent.job(`p${turns++}-0-0`, "plain");
    await runner.run(call);
    expect(await agent.result(call)).toMatchObject(denied("nobody can be asked about plain"));
  });

  it("a change of a tool that says nothing to people is asked about in general words where a rule wants that", async () => {
    const tool = defineTool({
      ...{ name: "silent", description: "A tool.", input: z.strictObject({}), effect: "write", timeoutMs: 1_000 },
      run: async () => "Done.",
    });
    const policy = policyOf({ rules: [{ tool: "silent", verdict: "confirm" }] });
    const runner = await startRunner(agent, [tool], { policy });
    const call = agent.job(`p${turns++}-0-0`, "silent");
    expect(tool.definition.approval).toBe("required");
    await runner.run(call);
    expect(await agent.asked(call)).toMatchObject({ summary: "Runs silent.", confirm: "silent" });
    await agent.decide(call, {});
    await runner.run(call, { go: true });
    expect(await agent.result(call)).toMatchObject({ status: "completed" });
  });
});

describe("what has to be typed", () => {
  it.each<[string, File, Record<string, unknown>, string | undefined]>([
    ["nothing, for a change", {}, {}, undefined],
    ["the name, for deleting", {}, { verb: "delete" }, "web"],
    ["the name, where a rule says confirm", { rules: [{ verdict: "confirm" }] }, {}, "web"],
    ["what the tool wants, whatever a rule says", { rules: [{ verdict: "approve" }] }, { typed: "zero" }, "zero"],
    ["what the tool wants, rather than the name", { rules: [{ verdict: "confirm" }] }, { typed: "zero" }, "zero"],
  ])("%s", async (_, file, args, confirm) => {
    const { runner, job } = await world(file);
    const call = job(args);
    await runner.run(call);
    expect((await agent.asked(call)).confirm).toBe(confirm);
  });
});

describe("P11: the policy is asked again when what was agreed to is to run", () => {
  async function agreed(first: File, decision: Partial<FactOf<"decided">> = {}) {
    const set = await world(first);
    const call = set.job();
    await set.runner.run(call);
    await agent.decide(call, decision);
    return { ...set, call, go: () => set.runner.run(call, { go: true }) };
  }

  it("what it denies by now does not run", async () => {
    const { policy, call, go, runs } = await agreed({});
    policy.become({ read_only: true });
    await go();
    expect(await agent.result(call)).toMatchObject(denied("Here nothing may be changed."));
    expect(runs()).toBe(0);
  });

  it.each<[string, File]>([
    ["the name typed", { rules: [{ verdict: "confirm" }] }],
    ["a second person", { four_eyes: [{}] }],
  ])("what it would have asked for more for by now does not run: %s", async (_, stricter) => {
    const { policy, call, go, runs } = await agreed({}, { by: { id: "somebody-else" } });
    policy.become(stricter);
    await go();
    expect(await agent.result(call)).toMatchObject({
      status: "failed",
      result: expect.stringContaining("not what would run"),
    });
    expect(runs()).toBe(0);
  });

  it.each<[string, File]>([
    ["less", {}],
    ["nothing", { rules: [{ verdict: "allow" }] }],
  ])("what it would ask %s for by now runs, as it was agreed to", async (_, milder) => {
    const { policy, call, go, runs } = await agreed({ rules: [{ verdict: "confirm" }] });
    policy.become(milder);
    await go();
    expect(await agent.result(call)).toMatchObject({ status: "completed" });
    expect(runs()).toBe(1);
  });

  it("what somebody has denied does not run where the policy would not ask any more", async () => {
    const { policy, call, go, runs } = await agreed({}, { approved: false });
    policy.become({ rules: [{ verdict: "allow" }] });
    await go();
    expect(await agent.bus.facts.read("result", addressOf(call))).toBeUndefined();
    expect(runs()).toBe(0);
  });

  it("what was asked by a version that knew no demands runs as it was shown", async () => {
    const { runner, job, runs } = await world({ rules: [{ verdict: "confirm" }] });
    const [shown, call] = [job(), job()];
    const plain = await world({});
    await plain.runner.run(shown);
    // The hash of a call of which nothing is demanded is that of the version before.
    const { hash: _hash, ...like } = await agent.asked(shown);
    const older = { ...like, call_id: call.call_id, turn_id: call.turn_id, call_hash: undefined };
    const { approvalHash } = await import("@parley/protocol/approval-hash");
    const { conversation_id, turn_id, call_id, arguments: args } = call;
    const covered = { tool_name: "writes", arguments: args, user_id: "u1", conversation_id, turn_id, call_id };
    const hash = approvalHash({ ...covered, preview: { kind: "text", text: "web changes" } });
    await agent.bus.facts.write({ ...older, confirm: "web", hash });
    await agent.decide(call, {});
    await runner.run(call, { go: true });
    expect(await agent.result(call)).toMatchObject({ status: "completed" });
    expect(runs()).toBe(1);
  });
});

describe("P11: four eyes", () => {
  it.each([
    ["whoever asked for it", "u1", "denied", 0],
    ["somebody else", "u2", "completed", 1],
  ])("agreed to by %s", async (_, by, status, times) => {
    const { runner, job, runs } = await world({ four_eyes: [{ namespace: "shop" }] });
    const call = job();
    await runner.run(call);
    expect(await agent.asked(call)).toMatchObject({ four_eyes: true });
    const told = await agent.bus.events.last(subjects.approvalRequired(0, "c1", call.turn_id, call.call_id));
    expect(told?.event).toMatchObject({ four_eyes: true });
    await agent.decide(call, { by: { id: by } });
    await runner.run(call, { go: true });
    expect(await agent.result(call)).toMatchObject({ status });
    expect(runs()).toBe(times);
  });
});

it("what viewers are told of a question says nothing that is only for workers", async () => {
  const { runner, job } = await world({ like: { minutes: 5 } });
  const call = job();
  await runner.run(call);
  await agent.asked(call);
  const subject = subjects.approvalRequired(0, "c1", call.turn_id, call.call_id);
  const told = await eventually(async () => (await agent.bus.events.last(subject))?.event, { what: "the event" });
  const { conversation_id, turn_id, call_id, tool_name, arguments: args } = call;
  expect(told).toEqual({
    ...{ type: "approval_required", conversation_id, turn_id, call_id, tool_name, arguments: args },
    ...{ ts: expect.any(Number), expires_at: expect.any(Number), summary: "Changes web.", like_ms: 300_000 },
    preview: { kind: "text", text: "web changes" },
  });
});
