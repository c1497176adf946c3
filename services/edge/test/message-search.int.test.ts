import { connectRedis } from "@parley/bus";
import { messageIdOf } from "@parley/protocol";
import { eventually, signedIn, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let redisServer: Broker;
let redis: ReturnType<typeof connectRedis>;

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  edge = await world.addEdge({ redis });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  redis.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

/** One turn, with its record. */
async function say(client: TestClient, conversation_id: string, message: string, answer: string): Promise<string> {
  client.send({ type: "message", id: `${message.slice(0, 60)} ${answer.slice(0, 30)}`, message, conversation_id });
  const { turn_id } = await client.next("accepted");
  await record(conversation_id, turn_id, message, answer);
  await world.worker.take(conversation_id, turn_id).complete("done");
  await client.next("complete");
  return turn_id;
}

async function record(conversation_id: string, turn_id: string, message: string, answer: string): Promise<void> {
  const common = { v: 1 as const, conversation_id, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append(
    { ...common, message_id: messageIdOf(turn_id, "user"), author: { role: "user" }, message },
    { ...common, message_id: messageIdOf(turn_id, "assistant"), author: { role: "assistant" }, message: answer },
  );
}

async function find(user: string, q: string, more = "") {
  const { status, body } = await ask(edge, "GET", `/api/v1/search?q=${encodeURIComponent(q)}${more}`, { user });
  return { status, ...body };
}

const listed = (user: string, count: number) =>
  eventually(
    async () => (await ask(edge, "GET", "/api/v1/conversations", { user })).body.conversations.length === count,
    { what: "the list" },
  );

it("says of a person who answers in place of the agent that it was their word", async () => {
  const dee = await world.connect(edge, "dee");
  const turn = await say(dee, "c_op", "Is anybody there?", "");
  const common = {
    v: 1 as const,
    conversation_id: "c_op",
    turn_id: "opturn",
    status: "complete" as const,
    ts: Date.now(),
  };
  const author = { role: "operator", id: "olga" };
  await world.bus.transcripts.append({
    ...common,
    message_id: "opturn-u",
    author,
    message: "Your invoice was corrected.",
  });
  await listed("dee", 1);
  expect((await find("dee", "invoice corrected")).hits).toMatchObject([{ turn_id: "opturn", role: "operator" }]);
  expect((await find("dee", "anybody")).hits).toMatchObject([{ turn_id: turn, role: "user" }]);
});

it("finds what was said and answered, with the words around it, and nobody else's", async () => {
  const [ann, bob] = [await world.connect(edge, "ann"), await world.connect(edge, "bob")];
  const turn = await say(ann, "c_m1", "Why does checkout restart?", "Its memory limit of 128 MiB is too small.");
  await say(ann, "c_m1", "Thanks", "You are welcome.");
  await say(ann, "c_m2", "How warm is red wine?", "At 16 degrees; memory of the cellar.");
  await say(bob, "c_m3", "Why is the memory limit small?", "Nobody knows.");
  await listed("ann", 2);
  const { hits, complete } = await find("ann", "MEMORY lim");
  expect(hits).toMatchObject([
    { conversation_id: "c_m1", turn_id: turn, role: "assistant", title: "Why does checkout restart?" },
  ]);
  const { text, from, to } = hits[0].excerpt;
  expect(text).toBe("Its memory limit of 128 MiB is too small.");
  expect(text.slice(from, to)).toBe("memory");
  expect(complete).toBe(true);
  expect((await find("ann", "memory")).hits).toHaveLength(2);
  expect((await find("ann", "welcome small")).hits).toEqual([]);
  expect((await find("cy", "memory")).hits).toEqual([]);
});

it("finds words of the title with words that were said, and titles alone", async () => {
  const dan = await world.connect(edge, "dan");
  await say(dan, "c_t1", "Where does it fail?", "In the payment step.");
  await ask(edge, "PUT", "/api/v1/conversations/c_t1/title", { user: "dan", body: { title: "Crash of the shop" } });
  await listed("dan", 1);
  expect((await find("dan", "shop payment")).hits).toMatchObject([{ title: "Crash of the shop", role: "assistant" }]);
  const [alone] = (await find("dan", "crash shop")).hits;
  expect(alone).toMatchObject({ conversation_id: "c_t1", title: "Crash of the shop" });
  expect(alone).not.toHaveProperty("turn_id");
});

it("knows nothing of what was deleted", async () => {
  const eve = await world.connect(edge, "eve");
  await say(eve, "c_d1", "A secret word: xylophone", "Noted.");
  await listed("eve", 1);
  expect((await find("eve", "xylophone")).hits).toHaveLength(1);
  expect((await ask(edge, "DELETE", "/api/v1/conversations/c_d1", { user: "eve" })).status).toBe(204);
  expect((await find("eve", "xylophone")).hits).toEqual([]);
});

it("refuses what is too long or no number, and finds nothing for nothing", async () => {
  expect(await find("ann", "x".repeat(201))).toMatchObject({ status: 400, code: "INVALID_FRAME" });
  expect(await find("ann", "x", "&limit=51")).toMatchObject({ status: 400 });
  expect(await find("ann", " ")).toMatchObject({ status: 200, hits: [], complete: true });
  expect((await ask(edge, "GET", "/api/v1/search", { user: "ann" })).status).toBe(400);
  expect((await ask(edge, "GET", "/api/v1/search?q=x", { user: null })).status).toBe(401);
});

it("looks through megabytes without holding others up, and says that there is more", { timeout: 60_000 }, async () => {
  const fay = await world.connect(edge, "fay");
  await say(fay, "c_l0", "The oldest word: zebra", "Noted.");
  const long = "Much was said about this and that, as always. ".repeat(4_000);
  for (let n = 1; n <= 4; n++) {
    await say(fay, `c_l${n}`, "Tell me more", "Gladly.");
    for (let i = 0; i < 12; i++) await record(`c_l${n}`, `l${n}x${i}`, `More ${i}, with a giraffe?`, long);
  }
  await listed("fay", 5);
  const searching = find("fay", "giraffe always", "&limit=5");
  let isOver = false;
  void searching.finally(() => (isOver = true));
  let answered = 0;
  while (!isOver) {
    await ask(edge, "GET", "/health", { user: null });
    if (!isOver) answered++;
  }
  const { hits, complete } = await searching;
  expect(hits).toHaveLength(5);
  expect(complete).toBe(false);
  expect(answered).toBeGreaterThan(3);
});

it("is told to come later while Redis is away", async () => {
  const alone = await world.addEdge({});
  expect((await ask(alone, "GET", "/api/v1/search?q=x", { user: "ann" })).status).toBe(503);
});
