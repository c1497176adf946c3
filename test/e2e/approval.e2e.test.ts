import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, asked, changed, denied, startApprovalWorld, type ApprovalWorld } from "./approval-world.ts";

let world: ApprovalWorld;

beforeAll(async () => {
  world = await startApprovalWorld();
}, 60_000);

afterAll(() => world[Symbol.asyncDispose]());

it.each([
  ["agreed to happens once", true, changed, 1],
  ["denied never happens", false, denied, 0],
])("P11: a change that a person has %s", { timeout: 60_000 }, async (_, approved, end, times) => {
  await using _one = await world.startToolWorker();
  await using _other = await world.startToolWorker();
  using anna = await world.person();
  const chat = anna.conversation();
  const question = await ask(chat);
  await asked(chat);
  expect(await world.timesOf(question)).toBe(0);
  expect(await world.decide(question, approved)).toBe(true);
  expect(await world.decide(question, !approved)).toBe(false);
  expect(await chat.untilEnd(question.turn)).toMatchObject(end);
  expect(await world.timesOf(question)).toBe(times);
});

it("P11: people are asked once though the worker that asked is killed", { timeout: 60_000 }, async () => {
  await using first = await world.startToolWorker();
  using anna = await world.person();
  const chat = anna.conversation();
  const question = await ask(chat);
  await asked(chat);
  await first.kill();
  await world.decide(question, true);
  await using _other = await world.startToolWorker();
  expect(await chat.untilEnd(question.turn)).toMatchObject(changed);
  expect(await world.timesOf(question)).toBe(1);
  expect(await world.questionsTold(question)).toBe(1);
});
