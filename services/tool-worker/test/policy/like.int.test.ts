import { agreementLapsed, likeTurn, type FactOf, type ToolJob } from "@parley/protocol";
import { type Broker, startNats, startRedis } from "@parley/testkit";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { z } from "zod";
import { PolicyFile } from "../../src/policy/policy-file.ts";
import { decide } from "../../src/policy/verdict.ts";
import { defineTool } from "../../src/tools/tool.ts";
import { addressOf, type Agent, startAgent } from "../support/agent.ts";
import { startRunner } from "../support/in-process.ts";

// Somebody agrees to a call, and to those like it for a time: what decides are facts, and the broker's clock.

let nats: Broker;
let redis: Broker;
let agent: Agent;
let turns = 0;
let places = 0;

beforeAll(async () => {
  [nats, redis] = await Promise.all([startNats(), startRedis({ persist: false })]);
  agent = await startAgent(nats, redis);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis].map((resource) => resource[Symbol.asyncDispose]()));
});

const minutes = { like: { minutes: 10 } };

async function world() {
  let file = PolicyFile.parse(minutes);
  let runs = 0;
  const scale = defineTool({
    ...{ name: "scales", description: "A tool.", effect: "write" as const, timeoutMs: 5_000 },
    input: z.strictObject({ namespace: z.string(), name: z.string(), verb: z.string().default("scale") }),
    access: ({ namespace, name, verb }) => [
      { system: "kubernetes", cluster: "prod", verb, kind: "Deployment", namespace, name },
    ],
    approval: { summary: () => "Scales.", preview: async ({ name }) => ({ kind: "text", text: name }) },
    run: async () => {
      runs++;
      return "Scaled.";
    },
  });
  const policy = { decide: (question: Parameters<typeof decide>[1]) => decide(file, question) };
  const runner = await startRunner(agent, [scale], { policy });
  // Of a place of its own: what one test agrees to is of no matter to another.
  const namespace = `team-${places++}`;
  const job = (name: string, args: object = {}, more: Partial<ToolJob> = {}): ToolJob => ({
    ...agent.job(`l${turns++}-0-0`, "scales", { namespace, name, ...args }),
    ...more,
  });
  const agree = async (to: ToolJob, like_ms: number, as: Partial<FactOf<"decided">> = {}): Promise<void> => {
    const { like_scope: scope = "" } = await agent.asked(to);
    const { conversation_id, turn_id, call_id } = to;
    await agent.decide(to, { like_ms, ...as });
    const pointer = { v: 1, conversation_id, turn_id: likeTurn, ts: Date.now(), scope, decided: { turn_id, call_id } };
    await agent.bus.facts.replace({ kind: "like", ...pointer }, () => true);
  };
  return {
    ...{ runner, job, agree, runs: () => runs, become: (next: object) => void (file = PolicyFile.parse(next)) },
    /** `runs`, or `asks`. */
    async does(call: ToolJob): Promise<string> {
      const before = runs;
      await runner.run(call);
      const isAsked = (await agent.bus.facts.read("asked", addressOf(call))) !== undefined;
      return isAsked ? "asks" : runs > before ? "runs" : "neither";
    },
  };
}

it("calls like one that was agreed to for a time run without a question, each once", async () => {
  const { runner, job, agree, does, runs } = await world();
  const [first, second] = [job("web"), job("api")];
  expect(await does(first)).toBe("asks");
  expect(await agent.asked(first)).toMatchObject({ like_ms: 600_000 });
  await agree(first, 60_000);
  expect(await does(second)).toBe("runs");
  await Promise.all([runner.run(second), runner.run(second, { recovered: true })]);
  expect(await agent.result(second)).toMatchObject({ status: "completed", result: "Scaled." });
  await runner.run(first, { go: true });
  expect(await agent.result(first)).toMatchObject({ status: "completed" });
  expect(runs()).toBe(2);
});

it.each<[string, object, Partial<ToolJob>]>([
  ["in another namespace", { namespace: "elsewhere" }, {}],
  ["that deletes", { verb: "delete" }, {}],
  ["that does something else", { verb: "patch" }, {}],
  ["of another user", {}, { user: { id: "u2" } }],
])("P11: a call %s is not like it, and is asked about", async (_, args, more) => {
  const { job, agree, does } = await world();
  const first = job("web");
  await does(first);
  await agree(first, 60_000);
  expect(await does(job("web", args, more))).toBe("asks");
});

it.each<[string, Partial<FactOf<"decided">>]>([
  ["denied", { approved: false }],
  ["agreed to for itself alone", { like_ms: undefined }],
  ["decided about another question", { hash: "0".repeat(64) }],
  ["never decided in time", { expired: true }],
])("P11: a call like one that was %s is asked about", async (_, as) => {
  const { job, agree, does } = await world();
  const first = job("web");
  await does(first);
  await agree(first, 60_000, as);
  expect(await does(job("web"))).toBe("asks");
});

it("P11: where it says that calls were agreed to, and nothing says so, it is asked", async () => {
  const { job, does, agree } = await world();
  const [first, other] = [job("web"), job("web", { namespace: "another-team" })];
  await does(first);
  await does(other);
  await agree(other, 60_000);
  const { like_scope: scope = "" } = await agent.asked(first);
  const { conversation_id, turn_id, call_id } = other;
  const pointer = { v: 1, conversation_id, turn_id: likeTurn, ts: 1, scope, decided: { turn_id, call_id } };
  await agent.bus.facts.replace({ kind: "like", ...pointer }, () => true);
  expect(await does(job("web"))).toBe("asks");
});

it("P11: when the time is over it is asked again, whatever the fact of the decision says of a longer one", async () => {
  const { job, does, agree } = await world();
  const first = job("web");
  await does(first);
  await agree(first, 300);
  expect(await does(job("api"))).toBe("runs");
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(await does(job("api"))).toBe("asks");
});

it("P11: the broker's clock says when the time is over: a worker whose clock is slow begins nothing", async () => {
  const { job, does, agree, runs } = await world();
  const first = job("web");
  await does(first);
  await agree(first, 100);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const late = await agent.commit(job("api"));
  const now = Date.now.bind(Date);
  const slow = vi.spyOn(Date, "now").mockImplementation(() => now() - 3_600_000);
  try {
    expect(await does(late)).toBe("neither");
  } finally {
    slow.mockRestore();
  }
  expect(await agent.result(late)).toMatchObject({ status: "denied", result: agreementLapsed });
  expect(runs()).toBe(0);
});

it.each<[string, object]>([
  ["offers it to nobody any more", {}],
  ["wants the name typed", { ...minutes, rules: [{ verdict: "confirm" }] }],
  ["wants a second person", { ...minutes, four_eyes: [{}] }],
])("P11: an agreement to calls alike is worth nothing when the policy %s", async (_, stricter) => {
  const { job, does, agree, become } = await world();
  const first = job("web");
  await does(first);
  await agree(first, 60_000);
  become(stricter);
  expect(await does(job("api"))).toBe("asks");
});

it("P11: it ends with its conversation", async () => {
  const { job, does, agree } = await world();
  const first = job("web");
  await does(first);
  await agree(first, 60_000);
  await agent.bus.conversations.purge("c1");
  expect(await does(job("api"))).toBe("asks");
});
