import { randomUUID } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectRedis, createNoticeQueue } from "@parley/bus";
import { pushQueueName, redisKeys, streams, subjects } from "@parley/protocol";
import { eventually, startRedis, signedIn, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { enter, letIn, record } from "./support/rooms.ts";
import { leftInStreams, searchRedis, searchStreams } from "./support/store-search.ts";

const windowMs = 3_000;
let world: World;
let edge: EdgeUnderTest;
let redisServer: Broker;
let observer: ReturnType<typeof connectRedis>;
let cache: ReturnType<typeof connectRedis>;

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  observer = connectRedis({ url: redisServer.url, role: "cache", log });
  cache = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => [observer, cache].every(({ status }) => status === "ready"), { what: "Redis" });
  const jsm = await jetstreamManager(world.bus.nc, { checkAPI: false });
  await jsm.streams.update(streams.events(0), { max_age: windowMs * 1e6, duplicate_window: windowMs * 1e6 });
  edge = await world.addEdge({ redis: cache, eventWindowMs: windowMs, privacy: { leaseMs: 1_000 } });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  for (const one of [observer, cache]) one.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

const stateOf = async (id: string) => (await ask(edge, "GET", `/api/v1/erasures/${id}`, { user: null })).body;
const until = (id: string, state: string) =>
  eventually(
    async () => {
      const body = await stateOf(id);
      return body?.state === state ? body : undefined;
    },
    { what: `${state} of the erasure`, timeoutMs: 30_000 },
  );
async function erase(user: string): Promise<string> {
  return (await ask(edge, "DELETE", "/api/v1/me", { user, body: { confirm: user } })).body.erasure_id;
}

async function conversation(user: string, word: string) {
  const id = `c_${randomUUID()}`;
  const client = await enter(edge, user);
  client.send({ type: "message", id: "m1", message: word, conversation_id: id });
  const { turn_id } = await client.next("accepted");
  await record(world.bus, id, turn_id, { asker: user, answer: `${word} too` });
  await world.worker.take(id, turn_id).complete(`${word} too`);
  return { id, client, turn_id };
}

it("of an id that is a word of everybody's records nothing goes but what is theirs", async () => {
  const bobs = await conversation("bob", "bob's own");
  await letIn(world.bus, bobs.id, ["cleo"]);
  const told = { type: "read", conversation_id: bobs.id, message_id: `${bobs.turn_id}-a` } as const;
  const reads = async () => (await searchStreams(world.bus, ["chat.read."])).filter((one) => one.includes(bobs.id));
  // The edge learns of the room in a moment.
  await eventually(async () => (bobs.client.send(told), (await reads()).length > 0), {
    what: "the mark",
    timeoutMs: 15_000,
  });
  const turn = bobs.turn_id;
  const decided = { v: 1, kind: "decided", conversation_id: bobs.id, turn_id: turn, call_id: "call-1" };
  const fact = { ...decided, approved: true, by: { id: "bob" }, hash: "h", ts: 1 };
  const subject = subjects.fact(0, bobs.id, turn, { kind: "decided", call: "call-1" });
  await world.bus.events.append({ subject, data: Buffer.from(JSON.stringify(fact)), expect: 0 });

  for (const word of ["read", "kind", "decided"]) {
    await conversation(word, "mine");
    await until(await erase(word), "done");
  }
  expect(await reads()).not.toEqual([]);
  expect(await searchStreams(world.bus, [subject])).not.toEqual([]);
}, 60_000);

it("a hold on one conversation keeps that, with its files, and nothing else; lifted, the rest goes", async () => {
  const [user, word] = ["hanna-who-leaves", "harpsichord5521"];
  const kept = await conversation(user, `${word} kept`);
  const gone = await conversation(user, `${word} gone`);
  const bytes = Buffer.from(`${word} in a file`);
  for (const { id } of [kept, gone])
    await world.bus.files.bring({ owner: { user }, name: `${id}.txt`, bytes, origin: "tool", conversation: id });
  await world.bus.memories.change({ user, tenant: undefined }, (memory) => ({
    ...memory,
    facts: [{ id: "m_1", text: `${word} remembered`, by: "user", ts: 1 }],
  }));
  await world.bus.privacy.hold({ kind: "conversation", id: kept.id }, { by: "a test", reason: "a law suit" });

  const id = await erase(user);
  await until(id, "held");
  const left = (await searchStreams(world.bus, [word])).filter((one) => !one.startsWith("EV_"));
  expect(left.filter((one) => one.includes(gone.id) || one.includes("remembered"))).toEqual([]);
  expect(left.filter((one) => one.includes(kept.id)).length).toBeGreaterThan(0);
  const files = [];
  for await (const { conversation_id } of world.bus.files.everyOf(user)) files.push(conversation_id);
  expect(files).toEqual([kept.id]);

  await world.bus.privacy.lift({ kind: "conversation", id: kept.id });
  await until(id, "done");
  expect(await leftInStreams(world.bus, [user, word], 10_000)).toEqual([]);
}, 60_000);

it("what somebody has in a tenant of which nobody said that they are of it goes, but of one that is held", async () => {
  const [user, word] = ["tina-who-leaves", "tambourine8812"];
  for (const tenant of ["acme", "bank"]) {
    const owner = { user, tenant };
    const file = { name: `${tenant}.txt`, bytes: Buffer.from(`${word} ${tenant}`), origin: "tool" } as const;
    await world.bus.files.bring({ owner, ...file, conversation: `c_${randomUUID()}` });
    await world.bus.memories.change(owner, (memory) => ({
      ...memory,
      facts: [{ id: "m_1", text: `${word} of ${tenant}`, by: "user", ts: 1 }],
    }));
  }
  await world.bus.privacy.hold({ kind: "tenant", id: "bank" }, { by: "a test", reason: "a law suit" });
  const id = await erase(user);
  await until(id, "held");
  const text = (await searchStreams(world.bus, [word])).join("\n");
  expect([text.includes(`${word} of acme`), text.includes(`${word} of bank`)]).toEqual([false, true]);
  await world.bus.privacy.lift({ kind: "tenant", id: "bank" });
  await until(id, "done");
  expect(await leftInStreams(world.bus, [user, word], 10_000)).toEqual([]);
}, 60_000);

it("nothing is left of why a person was to answer them, nor of what is on its way to their browsers, nor of their place in the tool queue", async () => {
  const [user, word] = ["vera-who-leaves", "vibraphone3307"];
  const { id: room, turn_id } = await conversation(user, "hello");
  await letIn(world.bus, room, ["bob"]);
  await world.bus.handovers.ask(room, {
    ...{ reason: `${word} is broken`, by: { role: "user", id: user }, user: { id: user }, turn_id },
    ...{ waitMs: 60_000, idleMs: 60_000 },
  });
  await observer.zadd(redisKeys.toolRanks, "1", `interactive:${user}`, "1", "interactive:bob");
  const pushes = createNoticeQueue({ redis: observer, name: pushQueueName, log });
  const notice = { type: "message", user_id: user, conversation_id: room, text: word, at: 1 } as const;
  await pushes.add({ notice, device: "d1" }, 600_000);
  expect(await searchRedis(observer, [word])).not.toEqual([]);
  await until(await erase(user), "done");
  expect(await leftInStreams(world.bus, [user, word], 10_000)).toEqual([]);
  expect(await searchRedis(observer, [user, word])).toEqual([]);
  expect(await observer.zrange(redisKeys.toolRanks, 0, "-1")).toEqual(["interactive:bob"]);
}, 60_000);
