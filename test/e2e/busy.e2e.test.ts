import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

const endless = "\n/sim tokens=3000 rate=30";

let system: System;

beforeAll(async () => {
  system = await startSystem({ edges: 2 });
});
afterAll(() => system[Symbol.asyncDispose]());

it("answers a busy conversation as asked: enqueue says the place, reject refuses, interrupt ends what runs", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const running = await chat.send(`one${endless}`);
  const waiting = await chat.send(`two${endless}`);
  expect([running.position, waiting.position]).toEqual([0, 1]);
  await expect(chat.send("no", { on_busy: "reject" })).rejects.toMatchObject({ code: "CONVERSATION_BUSY" });
  const next = await chat.send("three\n/sim tokens=5 rate=0", { on_busy: "interrupt" });
  const ends = await Promise.all([running, waiting, next].map(({ turn_id }) => chat.untilEnd(turn_id)));
  expect(ends.map(({ type }) => type)).toEqual(["cancelled", "cancelled", "complete"]);
});

it("cancels from another device, in mid-answer and while waiting", async () => {
  using phone = await person(system.edges[0]!);
  using laptop = await person(system.edges[1]!);
  const chat = phone.conversation();
  const running = await chat.send(`one${endless}`);
  const waiting = await chat.send(`two${endless}`);
  const remote = laptop.conversation(chat.id);
  await remote.subscribe();
  remote.cancel(waiting.turn_id);
  expect((await chat.untilEnd(waiting.turn_id)).type).toBe("cancelled");
  remote.cancel();
  const end = await chat.untilEnd(running.turn_id);
  expect(end.type).toBe("cancelled");
  expect((await remote.untilEnd(running.turn_id)).response).toBe(end.response);
});

it("says QUEUE_FULL when more messages wait than may", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  for (let i = 0; i < 8; i++) await chat.send(`m${i}${endless}`);
  await expect(chat.send("one more")).rejects.toMatchObject({ code: "QUEUE_FULL", retryable: true });
});
