import { randomBytes } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectRedis, openBus, openEncryption, type Bus, type Encryption } from "@parley/bus";
import { streams } from "@parley/protocol";
import { encryptionFields, readConfig } from "@parley/runtime";
import { eventually, signedIn, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createFakeWorker } from "./support/fake-worker.ts";
import { ask, request } from "./support/http-client.ts";
import { searchOpened } from "./support/opened-search.ts";
import { plant } from "./support/planted-person.ts";
import { lookAt } from "./support/rooms.ts";
import { searchRedis, searchStreams } from "./support/store-search.ts";

const windowMs = 3_000;
let world: World;
let encryption: Encryption;
let redisServer: Broker;
let observer: ReturnType<typeof connectRedis>;
let cache: ReturnType<typeof connectRedis>;
let edges: [EdgeUnderTest, EdgeUnderTest];
const buses: Bus[] = [];

beforeAll(async () => {
  world = await createWorld();
  const settings = { ENCRYPTION_KEY: randomBytes(32).toString("base64") };
  const made = await openEncryption(readConfig(z.object(encryptionFields()), settings), { mayMakeKeys: "all", log });
  if (made.encryption === undefined) throw new Error("there is no key");
  encryption = made.encryption;
  redisServer = await startRedis({ persist: false });
  observer = connectRedis({ url: redisServer.url, role: "cache", log });
  cache = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => [observer, cache].every(({ status }) => status === "ready"), { what: "Redis" });
  const jsm = await jetstreamManager(world.bus.nc, { checkAPI: false });
  await jsm.streams.update(streams.events(0), { max_age: windowMs * 1e6, duplicate_window: windowMs * 1e6 });
  edges = [await addEdge(), await addEdge()];
  buses.push(await openBus({ servers: world.nats.url, name: "plants", log, encryption }));
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  for (const bus of buses) await bus.close();
  for (const one of [observer, cache]) one.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

async function addEdge(): Promise<EdgeUnderTest> {
  const own = await openBus({ servers: signedIn(world.nats.url, "edge"), name: "edge", log, encryption });
  buses.push(own);
  const bus = { ...own, eventWindowMs: windowMs };
  return world.addEdge({ bus, redis: cache, eventWindowMs: windowMs, privacy: { leaseMs: 1_000 } });
}

const sealing = (): Bus => buses.at(-1)!;

it("sealed: an export has all that is theirs opened, and after an erasure whoever has the broker and the keys finds nothing", async () => {
  const [user, word] = ["zoe-who-leaves", "xylophone7731"];
  const bus = sealing();
  const push = "https://push.example/for-zoe-7731";
  await bus.memories.change({ user, tenant: "acme" }, (memory) => ({
    ...memory,
    facts: [{ id: "m_1", text: `${word} elsewhere`, by: "user", ts: 1 }],
  }));
  // By which the tenant is known.
  await bus.owners.claim("c_elsewhere", user, "acme");
  const { theirs } = await plant({ bus, worker: createFakeWorker(bus) }, edges, user, word);
  const device = { id: "d1", endpoint: push, p256dh: "p", auth: word, added_at: 1, seen_at: 1 };
  await bus.noticeRecords.change(user, (choice) => ({ ...choice, devices: [{ ...device, name: "her browser" }] }));

  const plainly = await searchStreams(world.bus, [word, push]);
  expect(plainly).toEqual([]);
  const before = await searchOpened(world.bus, encryption, [user, word, push]);
  expect(new Set(before.map((one) => one.split(" ")[0]))).toEqual(
    new Set([
      ...[streams.events(0), streams.facts(0), streams.log(0)],
      ...[streams.files, streams.memory, streams.notices, streams.fileBytes],
    ]),
  );

  const text = await (await request(edges[0], "GET", "/api/v1/me/export", { user })).text();
  const lines: { kind: string }[] = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.at(-1)?.kind).toBe("end");
  for (const kind of ["memory", "file", "message"]) {
    const own = lines.filter((line) => line.kind === kind);
    expect(JSON.stringify(own), kind).toContain(word);
  }
  expect(lines.find(({ kind }) => kind === "notices")).toMatchObject({
    wants: "all",
    devices: [{ name: "her browser" }],
  });
  expect(text).not.toContain(push);

  const asked = await ask(edges[0], "DELETE", "/api/v1/me", { user, body: { confirm: user } });
  expect(asked.status).toBe(202);
  await eventually(
    async () =>
      (await ask(edges[1], "GET", `/api/v1/erasures/${asked.body.erasure_id}`, { user: null })).body?.state === "done",
    { what: "the erasure", timeoutMs: 40_000 },
  );
  const search = () => searchOpened(world.bus, encryption, [user, word, push]);
  await eventually(async () => (await search()).length === 0, { what: "empty stores", timeoutMs: 15_000 });
  expect(await searchRedis(observer, [user, word])).toEqual([]);
  const shown = await ask(edges[1], "GET", `/api/v1/conversations/${theirs}/messages?limit=50`, { user: "bob" });
  expect(JSON.stringify(shown.body)).toContain("bob's post");
});

it("who looks at a conversation whose key is gone is told that it was deleted, as over HTTP, also with a cursor", async () => {
  const bus = sealing();
  const { own, mine } = await plant({ bus, worker: createFakeWorker(bus) }, edges, "yan", "marimba1");
  const viewer = await lookAt(edges[1], "yan", own);
  const cursor = await eventually(() => viewer.view(own).seq || undefined, { what: "what was said" });
  // As if whoever deletes it had died behind the first thing that is done.
  await bus.shred(`c:${own}`);
  const notice = { code: "NOT_FOUND", error: "This conversation was deleted.", conversation_id: own };
  const late = await addEdge();
  for (const edge of [edges[0], late]) {
    const { status, body } = await ask(edge, "GET", `/api/v1/conversations/${own}/messages`, { user: "yan" });
    expect([status, body]).toMatchObject([404, { code: notice.code, error: notice.error }]);
  }
  for (const after of [undefined, 0, cursor]) {
    const client = await lookAt(late, "yan", own);
    if (after !== undefined) client.send({ type: "subscribe", conversation_id: own, after });
    expect(await client.next("error"), `after ${after}`).toMatchObject(notice);
    expect(JSON.stringify(client.frames)).not.toContain("marimba1");
    client.close();
  }
  mine.close();
  expect((await ask(edges[0], "DELETE", `/api/v1/conversations/${own}`, { user: "yan" })).status).toBe(204);
});
