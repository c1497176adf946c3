import { agreementLapsed, limits, type ToolJob } from "@parley/protocol";
import { type Broker, startNats, startRedis } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { defineTool } from "../src/tools/tool.ts";
import { addressOf, type Agent, startAgent } from "./support/agent.ts";
import { startRunner } from "./support/in-process.ts";

let nats: Broker;
let redis: Broker;
let agent: Agent;

beforeAll(async () => {
  [nats, redis] = await Promise.all([startNats(), startRedis({ persist: false })]);
  agent = await startAgent(nats, redis);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis].map((resource) => resource[Symbol.asyncDispose]()));
});

/** Over before it began, so that an agreement counts for a second, and the wait is as short as it can be. */
const approvalTtlMs = 1_000 - limits.approvalGraceMs;
const ran: string[] = [];

const toolOf = (name: string, effect: "read" | "write") =>
  defineTool({
    ...{ name, description: "For tests.", input: z.strictObject({}), effect, timeoutMs: 5_000 },
    approval: { summary: () => "Does it." },
    async run(_input, { callId }) {
      ran.push(callId);
      return "Done.";
    },
  });

it("P11: what was agreed to in time begins in time, or never", async () => {
  const { run } = await startRunner(agent, [toolOf("change", "write"), toolOf("look", "read")], { approvalTtlMs });
  const jobs = {
    soon: agent.job("t1-0-0", "change"),
    late: agent.job("t2-0-0", "change"),
    lateLook: agent.job("t3-0-0", "look"),
    begunLook: agent.job("t4-0-0", "look"),
  };
  const all = Object.values(jobs);
  await Promise.all(all.map((job) => run(job)));
  await Promise.all(all.map((job) => agent.decide(job, {})));
  const decidedAtMs = Date.now();
  await run(jobs.soon, { go: true });
  // By a worker that is lost.
  const { conversation_id, turn_id, call_id } = jobs.begunLook;
  const begun = { v: 1, conversation_id, turn_id, call_id, ts: 1, worker: "lost", tool_name: "look", arguments: {} };
  await agent.bus.facts.write<"begun">({ kind: "begun", ...begun });
  const lapsedAtMs = decidedAtMs + approvalTtlMs + limits.approvalBeginGraceMs;
  await expect.poll(() => Date.now(), { timeout: 60_000, interval: 200 }).toBeGreaterThan(lapsedAtMs + 500);

  await Promise.all([jobs.late, jobs.lateLook, jobs.begunLook].map((job) => run(job, { go: true })));
  const done = { status: "completed", result: "Done." };
  const lapsed = { status: "denied", result: agreementLapsed };
  const ends: [ToolJob, object][] = [
    [jobs.soon, done],
    [jobs.late, lapsed],
    [jobs.lateLook, lapsed],
    [jobs.begunLook, done],
  ];
  for (const [job, end] of ends) expect(await agent.bus.facts.read("result", addressOf(job))).toMatchObject(end);
  expect(ran).toEqual([jobs.soon.call_id, jobs.begunLook.call_id]);
});
