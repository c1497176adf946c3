import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { connectRedis, createToolCatalogue, startToolWorker, toolCallEndOf } from "@parley/bus";
import { askedEventOf, subjects, type ToolArguments, type ToolDefinition, type ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, tempDir, type Service, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const tool = (name: string, more: Partial<ToolDefinition> = {}): ToolDefinition => ({
  ...{ name, aliases: [], description: "For tests.", parameters: { type: "object" } },
  ...{ effect: "read", timeout_ms: 20_000, approval: "required", ...more },
});
const tools = [
  tool("k8s_look"),
  tool("k8s_barred"),
  tool("k8s_ask"),
  tool("k8s_change", { effect: "write" }),
  tool("look"),
];

let bench: Workbench;
let folder: TempDir;
let first: Service;
let stop: () => Promise<void>;
/** As they came. */
const jobs: ToolJob[] = [];
/** Until it resolves no job has a result. */
let held: Promise<void> = Promise.resolve();
let result = "3 pods.";

beforeAll(async () => {
  bench = await startWorkbench();
  const url = signedIn(bench.redis.url, "tool");
  const log = createLogger({ service: "test", level: "error", format: "pretty" });
  const redis = connectRedis({ url, role: "cache", log });
  await once(redis, "ready");
  await createToolCatalogue({ redis, log }).announce(tools);
  const worker = startToolWorker({ ...{ url, concurrency: 8, log, onAbandoned() {} }, run: runJob });
  stop = async () => {
    await worker.close(0);
    redis.disconnect();
  };
  folder = await tempDir();
  const allowed = ["k8s_look", "k8s_ask", "k8s_change", "k8s_none", "look"];
  const everybody = { actions: ["agent:use", "tool:run"], agents: ["*"], models: ["*"], tools: allowed };
  await writeFile(path.join(folder.path, "limits.yaml"), JSON.stringify({ roles: { everybody } }));
  first = await addWorker();
}, 240_000);
afterAll(async () => {
  await stop();
  await bench[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const addWorker = (): Promise<Service> => bench.addWorker({ LIMITS_FILE: path.join(folder.path, "limits.yaml") });
beforeEach(() => {
  jobs.length = 0;
  held = Promise.resolve();
});

async function runJob(job: ToolJob): Promise<"done"> {
  jobs.push(job);
  const { bus } = bench;
  const { conversation_id, turn_id, call_id, tool_name, arguments: args } = job;
  const common = { v: 1, conversation_id, turn_id, call_id, tool_name, ts: Date.now() } as const;
  const shard = bus.events.shardOf(conversation_id);
  await held;
  if (tool_name === "k8s_ask") {
    const question = {
      summary: "May I look?",
      expires_at: Date.now() + 60_000,
      hash: "h",
      policy_reason: "It is secret.",
    };
    const { fact } = await bus.facts.write<"asked">({ kind: "asked", ...common, ...question });
    if (fact.kind !== "asked") throw new Error("the question cannot be read");
    const subject = subjects.approvalRequired(shard, conversation_id, turn_id, call_id);
    await bus.events.writeOnce(subject, askedEventOf(fact, args));
    return "done";
  }
  const end = { kind: "result", ...common, arguments: args, status: "completed", result, duration_ms: 1 } as const;
  const { fact } = await bus.facts.write<"result">(end);
  if (fact.kind !== "result") throw new Error("the result cannot be read");
  await bus.events.writeOnce(subjects.toolResult(shard, conversation_id, turn_id, call_id), toolCallEndOf(fact));
  return "done";
}

const call = (tool_name: string, args: ToolArguments = {}) =>
  bench.ask(`${tool_name} {}`, { given: { call: { tool_name, arguments: args }, tool_choice: "none", max_tokens: 1 } });

async function modelRequests(): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${bench.model.port}/sim/requests`);
  return z.array(z.unknown()).parse(await response.json()).length;
}

it("commits the one call, runs it, and answers with its result, without a model", async () => {
  const turn = await call("k8s_look", { namespace: "shop" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({
    ...{ type: "complete", response: "3 pods.", usage: { input_tokens: 0, output_tokens: 0 } },
    metadata: { tool: "k8s_look", finish: "stop" },
    tool_calls: [{ tool_name: "k8s_look", arguments: { namespace: "shop" }, status: "completed", result: "3 pods." }],
  });
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(events.filter(({ type }) => type === "step")).toMatchObject([{ step: 0, caller_hash: expect.any(String) }]);
  expect(textOf(events)).toBe("3 pods.");
  expectSoundChain(events);
  expect(jobs).toHaveLength(1);
  expect(await modelRequests()).toBe(0);
  expect(await bench.bus.titles.of(turn.conversation_id)).toBeUndefined();
});

it.each([
  ["a tool that changes something", "k8s_change", "There is no tool named k8s_change."],
  ["a tool of another system", "look", "There is no tool named look."],
  ["a tool that nobody offers", "k8s_none", "There is no tool named k8s_none."],
  ["a tool that the roles of whoever asks do not give", "k8s_barred", /k8s_barred/],
])("runs nothing for %s", async (_what, name, sentence) => {
  const end = await bench.ended(await call(name));
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ status: "failed" }] });
  expect(end.response).toMatch(sentence);
  expect(jobs).toEqual([]);
  expect(await modelRequests()).toBe(0);
});

it("waits for nobody where a person would have to agree, and says so", async () => {
  const turn = await call("k8s_ask");
  const end = await bench.ended(turn);
  expect(end.response).toBe(
    "Not run: a person has to agree to this call (It is secret.). Ask an agent for it. Nothing was done.",
  );
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ status: "failed" }] });
  expect((await bench.events(turn)).some(({ event }) => event.type === "waiting")).toBe(false);
});

it("takes arguments beyond a limit as a mistake that is told", async () => {
  const deep = JSON.parse(`${'{"a":'.repeat(80)}{}${"}".repeat(80)}`) as ToolArguments;
  for (const args of [deep, { text: "x".repeat(70_000) }]) {
    const end = await bench.ended(await call("k8s_look", args));
    expect(end).toMatchObject({ type: "complete", tool_calls: [{ status: "failed", arguments: {} }] });
  }
  expect(jobs).toEqual([]);
});

it(
  "a worker that is killed between commit and result has a successor that runs the same call and nothing else",
  { timeout: 60_000 },
  async () => {
    let release = (): void => {};
    held = new Promise((resolve) => (release = resolve));
    const turn = await call("k8s_look");
    await eventually(() => jobs.length > 0, { what: "the job" });
    await addWorker();
    await first.kill("SIGKILL");
    result = "Other pods.";
    await bench.seen(turn, (event) => event.type === "claimed" && event.attempt === 2);
    release();
    const end = await bench.ended(turn);
    const events = (await bench.events(turn)).map(({ event }) => event);
    expect(end).toMatchObject({ type: "complete", response: "Other pods.", usage: { output_tokens: 0 } });
    expect(events.filter(({ type }) => type === "step")).toHaveLength(1);
    expect(events.filter(({ type }) => type === "tool_call_start")).toHaveLength(1);
    expect(textOf(events)).toBe("Other pods.");
    expect(new Set(jobs.map(({ call_id }) => call_id)).size).toBe(1);
    expectSoundChain(events);
    expect(await modelRequests()).toBe(0);
  },
);
