import { createHash } from "node:crypto";
import { connectRedis, createKnowledgeBoard, type AnnouncedDocument } from "@parley/bus";
import { createMay, knowledgeLimits, redisKeys, RightsByRole } from "@parley/protocol";
import { eventually, signedIn, startRedis, type Broker, type BrokerRole } from "@parley/testkit";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { request } from "./support/http-client.ts";

let world: World;
let redisServer: Broker;
const connections: ReturnType<typeof connectRedis>[] = [];

async function connected(as: BrokerRole, url = redisServer.url) {
  const redis = connectRedis({ url: signedIn(url, as), role: "cache", log });
  connections.push(redis);
  await eventually(() => redis.status === "ready", { what: "Redis" });
  return redis;
}

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  for (const redis of connections) redis.disconnect();
  await redisServer[Symbol.asyncDispose]();
});
beforeEach(async () => void (await (await connected("agent")).del(redisKeys.knowledge)));

const Reply = z.object({
  result: z
    .looseObject({
      capabilities: z.looseObject({ resources: z.object({}).optional() }).optional(),
      resources: z.array(z.looseObject({ uri: z.string(), name: z.string() })).optional(),
      contents: z.array(z.object({ uri: z.string(), mimeType: z.string(), text: z.string() })).optional(),
      nextCursor: z.string().optional(),
    })
    .optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional(),
});

async function rpc(edge: EdgeUnderTest, method: string, params: object = {}) {
  const headers = { accept: "application/json, text/event-stream" };
  const body = { jsonrpc: "2.0", id: 1, method, params };
  const text = await (await request(edge, "POST", "/mcp", { headers, body })).text();
  // Clients before 2026-07-28 get a stream with one event.
  return Reply.parse(JSON.parse(text.startsWith("{") ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? "{}")));
}

const documentOf = (file: string, text: string, agents = ["general"]): AnnouncedDocument => ({
  ...{ file, title: `About ${file}`, text, agents, bytes: Buffer.byteLength(text) },
  hash: createHash("sha256").update(text).digest("hex"),
});
const boardOf = async (as: BrokerRole) => createKnowledgeBoard({ redis: await connected(as), log });
const edgeWith = async (may?: ReturnType<typeof createMay>) =>
  world.addEdge({ redis: await connected("edge"), ...(may === undefined ? {} : { may }) });
const uri = (file: string): string => `parley://knowledge/${file}`;

it("lists and reads what the workers have told of, in pages", async () => {
  const files = Array.from({ length: 60 }, (_, nth) => documentOf(`book/${100 + nth}.md`, `Größe ${nth}`));
  await (await boardOf("agent")).announce(files.toReversed());
  const edge = await edgeWith();
  const first = (await rpc(edge, "resources/list")).result;
  const second = (await rpc(edge, "resources/list", { cursor: first?.nextCursor })).result;
  const listed = [...(first?.resources ?? []), ...(second?.resources ?? [])].map(({ name }) => name);
  expect([listed, second?.nextCursor]).toEqual([files.map(({ file }) => file), undefined]);
  expect((await rpc(edge, "resources/read", { uri: uri("book/107.md") })).result?.contents).toEqual([
    { uri: uri("book/107.md"), mimeType: "text/markdown", text: "Größe 7" },
  ]);
  expect((await rpc(edge, "resources/templates/list")).result).toMatchObject({ resourceTemplates: [] });
});

it("P10: has nothing of an agent that the caller may not use, and reading it is as if there were none", async () => {
  await (
    await boardOf("agent")
  ).announce([documentOf("open/a.md", "a", ["general", "secret"]), documentOf("shut/b.md", "b", ["secret"])]);
  const rights = { actions: ["agent:use"], agents: ["general"] };
  const edge = await edgeWith(createMay(RightsByRole.parse({ everybody: rights })));
  expect((await rpc(edge, "resources/list")).result?.resources?.map(({ name }) => name)).toEqual(["open/a.md"]);
  const barred = await rpc(edge, "resources/read", { uri: uri("shut/b.md") });
  const unknown = await rpc(edge, "resources/read", { uri: uri("shut/c.md") });
  expect(barred.error).toEqual(unknown.error);
  expect(barred.error).toMatchObject({ code: -32_602, message: "There is no such document." });
  const none = await edgeWith(createMay(RightsByRole.parse({ everybody: { actions: ["conversation:*"] } })));
  expect((await rpc(none, "resources/list")).result?.resources).toEqual([]);
});

it.each([
  uri("open/../shut/b.md"),
  uri("open%2Fa.md"),
  "file:///etc/passwd",
  uri(""),
  `${uri("open/a.md")}?x`,
  "x".repeat(10_000),
])("reads nothing at another address: %#", async (address) => {
  await (await boardOf("agent")).announce([documentOf("open/a.md", "a")]);
  expect((await rpc(await edgeWith(), "resources/read", { uri: address })).error?.code).toBe(-32_602);
});

it("refuses a cursor that is not its own", async () => {
  const { error } = await rpc(await edgeWith(), "resources/list", { cursor: "!" });
  expect(error).toEqual({ code: -32_602, message: "This is no cursor of this list." });
});

it("shows no text that is not the one that was told of, nor one that is too long", async () => {
  const redis = await connected("agent");
  const changed = documentOf("open/a.md", "a");
  const long = documentOf("open/b.md", "b".repeat(knowledgeLimits.documentBytes + 1));
  const board = await boardOf("agent");
  await board.announce([changed, long]);
  await redis.set(redisKeys.knowledgeText(changed.hash), "something else");
  const edge = await edgeWith();
  expect((await rpc(edge, "resources/list")).result?.resources?.map(({ name }) => name)).toEqual(["open/a.md"]);
  for (const { file } of [changed, long])
    expect((await rpc(edge, "resources/read", { uri: uri(file) })).error?.message).toBe("There is no such document.");
});

it("leaves out what nobody tells of any more, and what it cannot read", async () => {
  const redis = await connected("agent");
  await (await boardOf("agent")).announce([documentOf("open/a.md", "a")]);
  const { text: _, ...entry } = documentOf("old/b.md", "b");
  await redis.hset(redisKeys.knowledge, {
    "old/b.md": JSON.stringify({ announced: Date.now() - 60_000, entry }),
    "older/c.md": JSON.stringify({ announced: Date.now() - 2 * 86_400_000, entry }),
    odd: "{",
  });
  const edge = await edgeWith();
  expect((await rpc(edge, "resources/list")).result?.resources?.map(({ name }) => name)).toEqual(["open/a.md"]);
  // A worker that begins drops what is of no use to anybody.
  await (await boardOf("agent")).announce([documentOf("open/a.md", "a")]);
  expect(Object.keys(await redis.hgetall(redisKeys.knowledge)).toSorted()).toEqual(["old/b.md", "open/a.md"]);
});

it("says so while Redis is away, and offers no resources where there is none", async () => {
  await using dying = await startRedis({ persist: false });
  const edge = await world.addEdge({ redis: await connected("edge", dying.url) });
  expect((await rpc(edge, "resources/list")).result?.resources).toEqual([]);
  await dying.kill("SIGKILL");
  await expect
    .poll(async () => (await rpc(edge, "resources/list")).error, { timeout: 15_000 })
    .toEqual({ code: -32_603, message: "What the agents know cannot be read at the moment. Try again." });
  const without = await rpc(await world.addEdge(), "resources/list");
  expect(without.error?.code).toBe(-32_601);
});
