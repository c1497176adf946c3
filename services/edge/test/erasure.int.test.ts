import { jetstreamManager } from "@nats-io/jetstream";
import { connectRedis } from "@parley/bus";
import { streams } from "@parley/protocol";
import { eventually, startRedis, signedIn, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { plant } from "./support/planted-person.ts";
import { lookAt } from "./support/rooms.ts";
import { leftInStreams, searchRedis, searchStreams } from "./support/store-search.ts";

const windowMs = 3_000;
let world: World;
let redisServer: Broker;
let observer: ReturnType<typeof connectRedis>;
let caches: ReturnType<typeof connectRedis>[] = [];
const edges: EdgeUnderTest[] = [];

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  observer = connectRedis({ url: redisServer.url, role: "cache", log });
  caches = [0, 1].map(() => connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log }));
  await eventually(() => [observer, ...caches].every(({ status }) => status === "ready"), { what: "Redis" });
  // Events are forgotten soon, so that the end can be waited for.
  const jsm = await jetstreamManager(world.bus.nc, { checkAPI: false });
  await jsm.streams.update(streams.events(0), { max_age: windowMs * 1e6, duplicate_window: windowMs * 1e6 });
  for (const redis of caches)
    edges.push(await world.addEdge({ redis, eventWindowMs: windowMs, privacy: { leaseMs: 1_000 } }));
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  for (const one of [observer, ...caches]) one.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

const at = (i: number): EdgeUnderTest => edges[i] ?? edges[0]!;

async function untilDone(id: string, edge = at(0)): Promise<Awaited<ReturnType<typeof ask>>["body"]> {
  return eventually(
    async () => {
      const { body } = await ask(edge, "GET", `/api/v1/erasures/${id}`, { user: null });
      return body?.state === "done" ? body : undefined;
    },
    { what: "the erasure", timeoutMs: 40_000 },
  );
}

it("nothing of somebody who is erased is left in any store, and the others have all that is theirs", async () => {
  const user = "zoe-who-leaves";
  const word = "xylophone7731";
  const { own, theirs, room, bob } = await plant(world, [at(0), at(1)], user, word);
  await eventually(async () => (await searchStreams(world.bus, [word])).length > 8, { what: "what is planted" });
  const before = await searchStreams(world.bus, [user]);
  expect(new Set(before.map((one) => one.split(" ")[0]))).toEqual(
    new Set([streams.events(0), streams.facts(0), streams.files, streams.log(0), streams.notices]),
  );
  const viewer = await lookAt(at(1), "bob", theirs);

  expect((await ask(at(0), "DELETE", "/api/v1/me", { user, body: { confirm: "somebody else" } })).status).toBe(400);
  const asked = await ask(at(0), "DELETE", "/api/v1/me", { user, body: { confirm: user } });
  expect(asked.status).toBe(202);
  expect((await ask(at(1), "DELETE", "/api/v1/me", { user, body: { confirm: user } })).body.erasure_id).toBe(
    asked.body.erasure_id,
  );
  // Others go on meanwhile.
  bob.send({ type: "message", id: "b9", message: "bob goes on", conversation_id: theirs });
  await bob.next("accepted");
  await eventually(() => viewer.frames.some(({ type }) => type === "message_deleted"), { what: "the news of it" });

  const receipt = await untilDone(asked.body.erasure_id);
  expect(JSON.stringify(receipt)).not.toContain(user);
  await eventually(async () => (await world.bus.events.state(0)).lastSeq > 0, { what: "events" });
  expect(await leftInStreams(world.bus, [user, word], 15_000)).toEqual([]);
  expect(await searchRedis(observer, [user, word, Buffer.from(user).toString("base64url")])).toEqual([]);

  const shown = async (id: string) =>
    (await ask(at(1), "GET", `/api/v1/conversations/${id}/messages?limit=50`, { user: "bob" })).body;
  const texts = (await shown(theirs)).messages.map(({ message }: { message: string }) => message);
  // Places without words where theirs were.
  expect(texts.filter((text: string) => text === "")).toHaveLength(3);
  const bobs = ["an answer to bob", "bob's post", "bob's last answer", "bob goes on"];
  expect(texts.filter((text: string) => bobs.includes(text)).toSorted()).toEqual(bobs.toSorted());
  expect((await shown(room)).messages.map(({ message }: { message: string }) => message)).toContain("kept for bob");
  expect((await ask(at(1), "GET", `/api/v1/conversations/${room}/people`, { user: "bob" })).status).not.toBe(403);
  expect((await ask(at(0), "GET", `/api/v1/conversations/${own}/messages`, { user: "bob" })).status).toBe(403);
});
