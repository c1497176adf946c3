import { createOfferBoard } from "@parley/bus";
import { callerOf, sharedKeyPrefixes } from "@parley/protocol";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createRunningCalls, newSession } from "../src/facades/mcp/running-calls.ts";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { request } from "./support/http-client.ts";
import { createRedisWorld, type RedisWorld, type TestRedis } from "./support/redis.ts";

let world: World;
let redisWorld: RedisWorld;
let redis: TestRedis;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  redisWorld = await createRedisWorld();
  redis = await redisWorld.connect();
  const general = { name: "general", description: "Answers.", models: [] };
  await createOfferBoard({ redis, log }).announceAgents({ agents: [general], models: [], isSimulated: true });
  edge = await world.addEdge({ redis: await redisWorld.connect() });
  other = await world.addEdge({ redis: await redisWorld.connect() });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redisWorld[Symbol.asyncDispose]();
});
const entered = () => redis.keys(`${sharedKeyPrefixes.mcp}call:*`);

beforeEach(async () => {
  const left = await entered();
  if (left.length > 0) await redis.del(left);
});

const accept = "application/json, text/event-stream";
const post = (at: EdgeUnderTest, body: object, session?: string, user = "ann") =>
  request(at, "POST", "/mcp", {
    user,
    headers: { accept, ...(session === undefined ? {} : { "mcp-session-id": session }) },
    body: { jsonrpc: "2.0", ...body },
  });

/** As a client before 2026-07-28 begins. */
async function initialize(): Promise<string> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } };
  const response = await post(edge, { id: 0, method: "initialize", params });
  await response.text();
  return response.headers.get("mcp-session-id") ?? "";
}

/** Begins a call, and is back when it can be stopped. */
async function call(session: string, id: number) {
  const answered = post(
    edge,
    { id, method: "tools/call", params: { name: "general", arguments: { message: "Hi" } } },
    session,
  ).then((response) => response.text());
  await expect.poll(entered, { timeout: 10_000 }).toHaveLength(1);
  const [key = ""] = await entered();
  const [conversation = "", turn = ""] = ((await redis.zrange(key, 0, "-1"))[0] ?? "").split(".");
  return { answered, conversation, turn };
}

const cancel = async (id: number, session: string | undefined, user?: string): Promise<number> =>
  (await post(other, { method: "notifications/cancelled", params: { requestId: id } }, session, user)).status;

it("a cancelled request stops the turn of the client that made it, at any edge, and nobody else's", async () => {
  const [mine, another] = [await initialize(), await initialize()];
  expect(mine).not.toBe(another);
  const { answered, conversation, turn } = await call(mine, 5);
  const asked = () => world.bus.facts.read("cancel", { conversation, turn });
  // One of the same user and token that counts the same; one that has no session, or a made-up one; another user.
  for (const session of [another, undefined, "x", newSession()]) expect(await cancel(5, session)).toBe(202);
  expect(await cancel(5, mine, "berta")).toBe(202);
  expect(await cancel(6, mine)).toBe(202);
  expect(await asked()).toBeUndefined();
  expect(await cancel(5, mine)).toBe(202);
  expect(await asked()).toMatchObject({ by: "ann" });
  await world.worker.take(conversation, turn).complete("Hello");
  expect(await answered).toContain('"status":"complete"');
  // What has ended is forgotten: a cancel may come too late.
  await expect.poll(entered).toEqual([]);
  expect(await cancel(5, mine)).toBe(202);
});

it("what an edge that was killed has left ends by its own deadline, whatever was entered beside it", async () => {
  const caller = callerOf({ user: { id: "ann" } });
  const place = { conversation_id: "c_1", turn_id: "t1" };
  const running = createRunningCalls(redis);
  const named = { caller, session: newSession(), id: 1 };
  running.begun(named, place);
  await expect.poll(() => running.find(named)).toEqual(place);
  const [key = ""] = await entered();
  await redis.zadd(key, Date.now() - 1, "c_0.t0");
  expect(await running.find(named)).toEqual(place);
  expect(await redis.pttl(key)).toBeGreaterThan(3_000_000);
  running.ended(named, place);
  await expect.poll(() => running.find(named)).toBeUndefined();
});
