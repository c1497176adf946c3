import { agreementLapsed, limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { ask, asked, startApprovalWorld, type ApprovalWorld } from "./approval-world.ts";

const ttlMs = 4_000;
const lapsed = { type: "complete", tool_calls: [{ status: "denied", result: agreementLapsed }] };

/** From now on, when the question was asked before. */
async function lapse(): Promise<void> {
  const lapsesAtMs = Date.now() + ttlMs + limits.approvalBeginGraceMs;
  await expect.poll(() => Date.now(), { timeout: 60_000, interval: 250 }).toBeGreaterThan(lapsesAtMs + 1_000);
}

async function isQueued(world: ApprovalWorld): Promise<void> {
  await expect.poll(() => world.queuedCalls(), { timeout: 20_000 }).toBeGreaterThan(0);
}

it("P11: what was agreed to at once does not run after workers of all kinds were away beyond its time", async () => {
  await using world = await startApprovalWorld({ ttlMs });
  const worker = await world.startToolWorker();
  using anna = await world.person();
  const chat = anna.conversation();
  const question = await ask(chat);
  await asked(chat);
  await Promise.all([worker, ...world.agentWorkers].map((each) => each.kill("SIGKILL")));
  expect(await chat.approve(question.call, true)).toMatchObject({ approved: true });
  await lapse();
  await Promise.all([worker, ...world.agentWorkers].map((each) => each.restart()));
  expect(await chat.untilEnd(question.turn)).toMatchObject(lapsed);
  expect(await world.timesOf(question)).toBe(0);
  await worker[Symbol.asyncDispose]();
});

it("P11: nor after its tool worker was away, when it had been queued in time", async () => {
  await using world = await startApprovalWorld({ ttlMs, agentEnv: { TOOL_QUEUE_WAIT_MS: "120000" } });
  const worker = await world.startToolWorker();
  using anna = await world.person();
  const chat = anna.conversation();
  const question = await ask(chat);
  await asked(chat);
  await worker.kill("SIGKILL");
  expect(await chat.approve(question.call, true)).toMatchObject({ approved: true });
  await isQueued(world);
  await lapse();
  await worker.restart();
  expect(await chat.untilEnd(question.turn)).toMatchObject(lapsed);
  expect(await world.timesOf(question)).toBe(0);
  await worker[Symbol.asyncDispose]();
});
