import { announceEveryMs, connectRedis, createOfferBoard } from "@parley/bus";
import { RightsByRole, createMay, redisKeys } from "@parley/protocol";
import { eventually, signedIn, startRedis, type Broker, type BrokerRole } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";

let world: World;
let redisServer: Broker;
const connections: ReturnType<typeof connectRedis>[] = [];

async function connected(as: BrokerRole) {
  const redis = connectRedis({ url: signedIn(redisServer.url, as), role: "cache", log });
  connections.push(redis);
  await eventually(() => redis.status === "ready", { what: "Redis" });
  return redis;
}

const boardOf = async (as: BrokerRole) => createOfferBoard({ redis: await connected(as), log });

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  for (const redis of connections) redis.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

const general = { name: "general", description: "Answers.", examples: ["Hello"] };
const writer = { name: "writer", description: "Writes." };
const models = [{ name: "small" }, { name: "large-1" }];

it("is empty until somebody has announced something, and without Redis", async () => {
  const places = [await world.addEdge(), await world.addEdge({ redis: await connected("edge") })];
  for (const place of places)
    expect(await ask(place, "GET", "/api/v1/agents")).toMatchObject({ status: 200, body: { agents: [], models: [] } });
});

it("P10: offers what workers announce, and of that what the caller may name", async () => {
  const agents = await boardOf("agent");
  await agents.announceAgents({ agents: [writer, general], models, isSimulated: true });
  await (await boardOf("tool")).announceCluster(false);
  const redis = await connected("edge");
  const { body } = await ask(await world.addEdge({ redis }), "GET", "/api/v1/agents");
  const small = { name: "small" };
  expect(body).toEqual({
    agents: [general, writer],
    models: [{ name: "large-1" }, small],
    simulated: { model: true, cluster: false },
  });
  const rights = { actions: ["agent:use", "model:use"], agents: ["gen*"], models: ["small"] };
  const may = createMay(RightsByRole.parse({ everybody: rights }));
  const limited = await ask(await world.addEdge({ redis, may }), "GET", "/api/v1/agents");
  expect(limited.body).toMatchObject({ agents: [general], models: [small] });
  const none = createMay(RightsByRole.parse({ everybody: { actions: ["conversation:*"] } }));
  expect((await ask(await world.addEdge({ redis, may: none }), "GET", "/api/v1/agents")).body).toMatchObject({
    agents: [],
    models: [],
  });
});

it("forgets what nobody announces any more, leaves out what cannot be read, and keeps what it knew while Redis is away", async () => {
  const redis = connectRedis({ url: redisServer.url, role: "cache", log });
  connections.push(redis);
  await eventually(() => redis.status === "ready", { what: "Redis" });
  await redis.del(redisKeys.offer);
  await createOfferBoard({ redis, log }).announceAgents({ agents: [general], models: [], isSimulated: false });
  const old = { kind: "agent", agent: writer, announced: Date.now() - 4 * announceEveryMs };
  const odd = { broken: "not JSON", wrong: "{}", newer: JSON.stringify({ kind: "voice", announced: Date.now() }) };
  await redis.hset(redisKeys.offer, { ...odd, old: JSON.stringify(old) });
  const board = createOfferBoard({ redis, log });
  const known = { agents: [general], models: [], simulated: { model: false, cluster: false } };
  expect(await board.read()).toEqual(known);
  redis.disconnect();
  expect(await board.read()).toEqual(known);
});

it("wants a caller", async () => {
  expect((await ask(await world.addEdge(), "GET", "/api/v1/agents", { user: null })).status).toBe(401);
});
