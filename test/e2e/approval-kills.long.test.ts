import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, asked, changed, denied, unknown, startApprovalWorld, type ApprovalWorld } from "./approval-world.ts";

let world: ApprovalWorld;

beforeAll(async () => {
  world = await startApprovalWorld();
}, 60_000);

afterAll(() => world[Symbol.asyncDispose]());

it.each([
  ["tool worker dies before it decides", true],
  ["tool worker dies before it asks", true],
  ["tool worker dies before it asks", false],
  ["tool worker dies before it tells what it asks", true],
  ["tool worker dies before it tells what it asks", false],
])("P11: a %s, and people are asked once all the same (agreed: %s)", { timeout: 60_000 }, async (death, approved) => {
  await using first = await world.startToolWorker(death);
  using anna = await world.person();
  const chat = anna.conversation();
  const question = await ask(chat);
  await first.exited;
  await using _one = await world.startToolWorker();
  await using _other = await world.startToolWorker();
  await asked(chat);
  await world.decide(question, approved);
  expect(await chat.untilEnd(question.turn)).toMatchObject(approved ? changed : denied);
  expect(await world.timesOf(question)).toBe(approved ? 1 : 0);
  expect(await world.questionsTold(question)).toBe(1);
});

it.each<[string, object, number]>([
  // Nothing has begun: another worker does it.
  ["tool worker dies before it decides", changed, 1],
  ["tool worker dies before its licence", changed, 1],
  // It may have begun, and nobody can know: it is not done again, and told as unknown, whether it was or not.
  ["tool worker dies before it tells of its licence", unknown, 0],
  ["tool worker dies with a licence", unknown, 0],
  ["tool worker dies after a change", unknown, 1],
  ["tool worker dies with a result", unknown, 1],
  // What it came to is stored.
  ["tool worker dies before it tells a result", changed, 1],
])("P5: a %s in mid-change: no effect twice, no lie", { timeout: 60_000 }, async (death, end, times) => {
  using anna = await world.person();
  const chat = anna.conversation();
  const asking = await world.startToolWorker();
  const question = await ask(chat);
  await asked(chat);
  await asking[Symbol.asyncDispose]();
  await using first = await world.startToolWorker(death);
  await world.decide(question, true);
  await first.exited;
  await using _one = await world.startToolWorker();
  await using _other = await world.startToolWorker();
  expect(await chat.untilEnd(question.turn)).toMatchObject(end);
  expect(await world.timesOf(question)).toBe(times);
  expect(await world.questionsTold(question)).toBe(1);
});
