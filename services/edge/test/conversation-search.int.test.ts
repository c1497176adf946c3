import { connectRedis, createListTimes } from "@parley/bus";
import { eventually, signedIn, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, type Asked } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let redisServer: Broker;
const connections: ReturnType<typeof connectRedis>[] = [];

async function connected(as: "edge" | "agent") {
  const redis = connectRedis({ url: signedIn(redisServer.url, as), role: "cache", log });
  connections.push(redis);
  await eventually(() => redis.status === "ready", { what: "Redis" });
  return redis;
}

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  edge = await world.addEdge({ redis: await connected("edge") });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  for (const redis of connections) redis.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

async function begin(client: TestClient, conversation_id: string, message: string): Promise<string> {
  client.send({ type: "message", id: message.slice(0, 100), message, conversation_id });
  return (await client.next("accepted")).turn_id;
}

async function say(client: TestClient, conversation_id: string, message: string): Promise<void> {
  const turn_id = await begin(client, conversation_id, message);
  const common = { v: 1 as const, conversation_id, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id: `${turn_id}-u`, author: { role: "user" }, message });
  await world.worker.take(conversation_id, turn_id).complete("answered");
  await client.next("complete");
}

const list = (user: string, query = ""): Promise<Asked> => ask(edge, "GET", `/api/v1/conversations${query}`, { user });

async function found(user: string, q: string): Promise<string[]> {
  const { status, body } = await list(user, `?q=${encodeURIComponent(q)}`);
  expect(status).toBe(200);
  return body.conversations.map(({ conversation_id }: { conversation_id: string }) => conversation_id);
}

it("finds conversations by title and by beginning, the newest first, and nobody else's", async () => {
  const [ann, bob] = [await world.connect(edge, "ann"), await world.connect(edge, "bob")];
  await say(ann, "c_s1", "Which pods crash in the Café?");
  await say(ann, "c_s2", "Something else entirely");
  await say(bob, "c_s3", "Which pods crash at Bob's café?");
  await say(ann, "c_s4", "pods again");
  await ask(edge, "PUT", "/api/v1/conversations/c_s2/title", { user: "ann", body: { title: "Crashes at night" } });
  await eventually(async () => (await found("ann", "")).length === 3, { what: "the list" });
  expect(await found("ann", "crash")).toEqual(["c_s2", "c_s1"]);
  expect(await found("ann", "cafe POD")).toEqual(["c_s1"]);
  expect(await found("ann", "night else")).toEqual(["c_s2"]);
  expect(await found("ann", "bob")).toEqual([]);
  expect(await found("bob", "crash")).toEqual(["c_s3"]);
  const { body } = await list("ann", "?q=night");
  expect(body.conversations).toMatchObject([{ title: "Crashes at night" }]);
});

it("gives pages of what is found, each conversation on exactly one", async () => {
  const client = await world.connect(edge, "pager");
  for (let i = 0; i < 7; i++) await say(client, `c_pg${i}`, i % 2 === 0 ? `even ${i}` : `odd ${i}`);
  await eventually(async () => (await found("pager", "")).length === 7, { what: "the list" });
  const seen: string[][] = [];
  let cursor: string | undefined;
  do {
    const { body } = await list("pager", `?limit=2&q=even${cursor === undefined ? "" : `&cursor=${cursor}`}`);
    seen.push(body.conversations.map(({ conversation_id }: { conversation_id: string }) => conversation_id));
    cursor = body.next_cursor;
  } while (cursor !== undefined && seen.length < 9);
  expect(seen).toEqual([
    ["c_pg6", "c_pg4"],
    ["c_pg2", "c_pg0"],
  ]);
});

it("refuses a search that is too long with a sentence", async () => {
  for (const q of ["x".repeat(201), "a b c d e f g h i"])
    expect(await list("ann", `?q=${encodeURIComponent(q)}`)).toMatchObject({
      status: 400,
      body: { code: "INVALID_FRAME", error: expect.stringContaining("The search is too long") },
    });
});

it("says what runs and what waits for a person", async () => {
  const client = await world.connect(edge, "busy");
  const turn = await begin(client, "c_busy", "work");
  const statusOf = async (): Promise<unknown> => (await list("busy")).body.conversations[0]?.status;
  await eventually(async () => (await statusOf()) === "running", { what: "a turn that has not begun" });
  const taken = world.worker.take("c_busy", turn);
  const common = { conversation_id: "c_busy", turn_id: turn, ts: 1, attempt: 1 };
  await taken.append({ type: "waiting", ...common, n: 0, for: "approval", until: Date.now() + 60_000 });
  expect(await statusOf()).toBe("waiting");
  await taken.append({ type: "claimed", ...common, attempt: 2, n: 1, worker: "w" });
  expect(await statusOf()).toBe("running");
  await taken.complete("done");
  expect(await statusOf()).toBeUndefined();
});

it("says when an answer ended, and puts that conversation first", async () => {
  const client = await world.connect(edge, "mover");
  await say(client, "c_m1", "one");
  await say(client, "c_m2", "two");
  await eventually(async () => (await found("mover", ""))[0] === "c_m2", { what: "the list" });
  // As an agent worker does, with its own rights.
  const times = createListTimes(await connected("agent"));
  const endedMs = Date.now() + 5;
  await times.touch("mover", "c_m1", endedMs);
  await times.touch("mover", "c_m1", endedMs - 1_000);
  await times.touch("mover", "c_unlisted", endedMs);
  const { conversations } = (await list("mover")).body;
  expect(conversations).toMatchObject([{ conversation_id: "c_m1", updated_at: endedMs }, { conversation_id: "c_m2" }]);
});

it("has a few searches of one user under way; who asks for more is told when to come back, and nobody else waits for them", async () => {
  const cat = await world.connect(edge, "cat");
  for (let n = 0; n < 4; n += 1) await say(cat, `c_many${n}`, `about ${n}`);
  const [mine, theirs] = await Promise.all([
    Promise.all(Array.from({ length: 60 }, () => list("cat", "?q=nothing"))),
    list("dan", "?q=nothing"),
  ]);
  const refused = mine.filter(({ status }) => status !== 200);
  expect(theirs.status).toBe(200);
  expect(mine.length - refused.length).toBeGreaterThanOrEqual(4);
  expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(new Set(["429 RATE_LIMITED"]));
});
