import { openBus, type Bus } from "@parley/bus";
import { messages, streams, textOf, type ConversationView } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startNatsProxy, startService, startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { testEncryption } from "./test-encryption.ts";
import { person } from "./person.ts";

let system: System;
let bus: Bus;

beforeAll(async () => {
  system = await startSystem({ edges: 2, agentWorkers: 2 });
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  bus = await openBus({ servers: system.nats.url, name: "test", log, ...(await testEncryption()) });
});
afterAll(async () => {
  await bus.close();
  await system[Symbol.asyncDispose]();
});

/** An edge whose broker keeps back its word on what was stored in this stream, once that is switched on. */
async function edgeWithoutWordOf(stream: string) {
  const state = { isSilent: false };
  const proxy = await startNatsProxy({
    targets: [system.nats.port],
    treat: ({ payload }) =>
      state.isSilent && payload.includes(`"stream":"${stream}"`) ? { hold: new Promise(() => {}) } : undefined,
  });
  const edge = await startService("edge", {
    NATS_URL: `nats://127.0.0.1:${proxy.port}`,
    REDIS_URL: system.redis.url,
    AUTH_DEV: "1",
    AUTH_JWT_SECRET: system.jwtSecret,
  });
  return {
    edge,
    beSilent: () => (state.isSilent = true),
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

function question(view: ConversationView, turn: string): string | undefined {
  const message = messages(view).find(({ turn_id, author }) => turn_id === turn && author.role === "user");
  return message && textOf(message.parts);
}

it("shows what waits on two devices, and answers what was changed on the other one", async () => {
  using phone = await person(system.edges[0]!);
  using laptop = await person(system.edges[1]!);
  const chat = phone.conversation();
  const first = await chat.send("one\n/sim tokens=80 rate=20");
  const second = await chat.send("two\n/sim tokens=2");
  const third = await chat.send("three\n/sim tokens=2");
  const there = laptop.conversation(chat.id);
  await there.subscribe();
  const waiting = [second.turn_id, third.turn_id];
  await eventually(
    () => [chat, there].every(({ view }) => view.waiting.map(({ turn_id }) => turn_id).join() === waiting.join()),
    { what: "what waits, on both devices" },
  );
  await there.changeQueued(second.turn_id, "two\n/sim tokens=7");
  await there.takeBack(third.turn_id);
  expect(await chat.untilEnd(third.turn_id)).toMatchObject({ type: "cancelled", reason: "taken back" });
  await eventually(() => question(chat.view, second.turn_id) === "two\n/sim tokens=7", { what: "the new text" });
  await chat.untilEnd(first.turn_id);
  expect((await chat.untilEnd(second.turn_id)).response.split(" ")).toHaveLength(7);
  await expect(there.changeQueued(second.turn_id, "too late")).rejects.toMatchObject({ code: "CONFLICT" });
  await eventually(() => [chat, there].every(({ view }) => view.waiting.length === 0), { what: "an empty queue" });
});

it("answers and shows the changed text although the edge was killed that had stored it and told nobody", async () => {
  await using dying = await edgeWithoutWordOf(streams.facts(0));
  using phone = await person(dying.edge);
  using laptop = await person(system.edges[0]!);
  const chat = phone.conversation();
  await chat.send("one\n/sim tokens=60 rate=20");
  const second = await chat.send("two\n/sim tokens=2");
  const there = laptop.conversation(chat.id);
  await there.subscribe();
  await eventually(() => there.view.waiting.length === 1, { what: "what waits" });
  dying.beSilent();
  const changed = chat.changeQueued(second.turn_id, "two\n/sim tokens=9");
  changed.catch(() => {});
  const fact = { conversation_id: chat.id, turn_id: second.turn_id };
  await eventually(async () => (await bus.waitingTexts.read(fact))?.n === 1, { what: "the fact" });
  await dying.edge.kill("SIGKILL");
  expect((await there.untilEnd(second.turn_id)).response.split(" ")).toHaveLength(9);
  expect(question(there.view, second.turn_id)).toBe("two\n/sim tokens=9");
});

it("keeps a title that an edge had stored when it was killed, and tells it when it is asked for again", async () => {
  await using dying = await edgeWithoutWordOf(streams.log(0));
  using phone = await person(dying.edge);
  using laptop = await person(system.edges[0]!);
  const chat = phone.conversation();
  await chat.untilEnd((await chat.send("hello")).turn_id);
  const there = laptop.conversation(chat.id);
  await there.subscribe();
  dying.beSilent();
  const given = chat.setTitle("Stored and not told");
  given.catch(() => {});
  await eventually(async () => (await bus.titles.of(chat.id)) === "Stored and not told", { what: "the record" });
  await dying.edge.kill("SIGKILL");
  await there.setTitle("Stored and not told");
  expect(there.view.title).toBe("Stored and not told");
});
