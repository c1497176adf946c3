import { connectRedis } from "@parley/bus";
import { limits, subjects } from "@parley/protocol";
import { eventually, signedIn, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createRoom, lookAt, record, recordPost, toldOf } from "./support/rooms.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];
let redisServer: Broker;
let redis: ReturnType<typeof connectRedis>;

beforeAll(async () => {
  [world, redisServer] = await Promise.all([createWorld(), startRedis({ persist: false })]);
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  edges = [await world.addEdge({ redis }), await world.addEdge({ redis })];
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  await world[Symbol.asyncDispose]();
  await redisServer[Symbol.asyncDispose]();
});

const markOf = (client: TestClient, user: string): string | undefined =>
  client.frames.flatMap((frame) => (frame.type === "read" ? frame.marks : [])).findLast((mark) => mark.user.id === user)
    ?.message_id;

const untilRead = (client: TestClient, user: string, message: string): Promise<unknown> =>
  eventually(() => markOf(client, user) === message, { what: `${user} has read ${message}`, timeoutMs: 10_000 });

const placeOf = async (id: string, message: string) => {
  const place = await world.bus.readMarks.placeOf(id, message);
  if (place === undefined) throw new Error(`there is no ${message}`);
  return place;
};

async function unreadOf(user: string, id: string): Promise<number | undefined> {
  const { body } = await ask(edges[0], "GET", "/api/v1/conversations", { user });
  return body.conversations.find((one: { conversation_id: string }) => one.conversation_id === id)?.unread;
}

it("goes forward only, is kept, told to all on both edges, and to who comes later", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  for (const turn of ["t1", "t2", "t3"]) await record(world.bus, id, turn, { asker: "ann", answer: "Yes." });
  const ann = await lookAt(edges[0], "ann", id);
  const ben = await lookAt(edges[1], "ben", id);
  ben.send({ type: "read", conversation_id: id, message_id: "t2-a" });
  await Promise.all([untilRead(ann, "ben", "t2-a"), untilRead(ben, "ben", "t2-a")]);
  expect(await world.bus.readMarks.of(id, "ben")).toMatchObject({ mark: { user: { id: "ben" }, message_id: "t2-a" } });
  expect((await world.bus.people.of(id))?.people?.has).toMatchObject({ marks: true });
  ben.send({ type: "read", conversation_id: id, message_id: "t1-a" });
  ben.send({ type: "read", conversation_id: id, message_id: "nonsense" });
  ben.send({ type: "read", conversation_id: id });
  await untilRead(ann, "ben", "t3-a");
  const late = await lookAt(edges[0], "ann", id);
  await untilRead(late, "ben", "t3-a");
  const told = ann.frames.flatMap((frame) => (frame.type === "read" ? frame.marks : []));
  expect(told.filter(({ user }) => user.id === "ben").map(({ message_id }) => message_id)).toEqual(["t2-a", "t3-a"]);
});

it("is written at most once in two seconds for each user, and the last one in any case, also by an edge that stops", async () => {
  const edge = await world.addEdge({ redis });
  const id = await createRoom(world.bus, edge, ["ann", "ben"]);
  const turns = Array.from({ length: 12 }, (_, i) => `t${i}`);
  for (const turn of turns) await record(world.bus, id, turn, { asker: "ann", answer: "Yes." });
  let writes = 0;
  const shard = world.bus.events.shardOf(id);
  const seen = world.bus.nc.subscribe(subjects.readsOf(shard, id), { callback: () => void writes++ });
  const ben = await lookAt(edge, "ben", id);
  for (const turn of turns) ben.send({ type: "read", conversation_id: id, message_id: `${turn}-a` });
  ben.send({ type: "ping" });
  await ben.next("pong");
  await edge.stop();
  expect((await world.bus.readMarks.of(id, "ben"))?.mark?.message_id).toBe("t11-a");
  expect(writes).toBeLessThanOrEqual(2);
  seen.unsubscribe();
});

it("counts what is unread: messages of others, until it was read on any device, and none of one's own", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const unread = (user: string): Promise<number> => world.bus.readMarks.unread(id, user);
  expect(await unread("ben")).toBe(0);
  await record(world.bus, id, "t1", { asker: "ann", answer: "Yes." });
  await recordPost(world.bus, id, 1, "ann");
  await recordPost(world.bus, id, 2, "cleo");
  expect(await unread("ben")).toBe(4);
  expect(await unread("ann")).toBe(3);
  expect(await unreadOf("ann", id)).toBe(3);
  const device = await ask(edges[1], "POST", `/api/v1/conversations/${id}/read`, { user: "ben", body: {} });
  expect(device.status).toBe(204);
  await eventually(async () => (await unread("ben")) === 0, { what: "nothing is unread" });
  await recordPost(world.bus, id, 3, "cleo");
  expect(await unread("ben")).toBe(1);
  expect(await unread("cleo")).toBe(0);
  const lone = await createRoom(world.bus, edges[0], ["ann"]);
  expect(await unreadOf("ann", lone)).toBeUndefined();
});

it("counts to 99, of however many there are", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  for (let i = 0; i < 60; i++) await record(world.bus, id, `t${i}`, { asker: "ann", answer: "Yes." });
  expect(await world.bus.readMarks.unread(id, "ben")).toBe(limits.unreadShown);
  await world.bus.readMarks.move(id, { id: "ben" }, await placeOf(id, "t58-a"));
  expect(await world.bus.readMarks.unread(id, "ben")).toBe(2);
});

it("moves with what one writes oneself", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  await record(world.bus, id, "t1", { asker: "ann", answer: "Yes." });
  const ann = await lookAt(edges[0], "ann", id);
  const ben = await lookAt(edges[1], "ben", id);
  ben.send({ type: "message", id: "b1", message: "I see", conversation_id: id });
  const { message_id } = await ben.next("accepted");
  await untilRead(ann, "ben", message_id);
  expect(await world.bus.readMarks.unread(id, "ben")).toBe(0);
});

it("is not for strangers, and says nothing in a conversation of one", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const { status } = await ask(edges[0], "POST", `/api/v1/conversations/${id}/read`, { user: "stan", body: {} });
  expect(status).toBe(403);
  expect((await ask(edges[0], "GET", `/api/v1/conversations/${id}/presence`, { user: "stan" })).status).toBe(403);
  const lone = await createRoom(world.bus, edges[0], ["ann"]);
  const ann = await lookAt(edges[0], "ann", lone);
  ann.send({ type: "read", conversation_id: lone });
  ann.send({ type: "ping" });
  await ann.next("pong");
  expect(toldOf(ann, "read")).toBeUndefined();
  expect(await world.bus.readMarks.of(lone, "ann")).toBeUndefined();
});

it("goes with the conversation", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  await record(world.bus, id, "t1", { asker: "ann", answer: "Yes." });
  await world.bus.readMarks.move(id, { id: "ben" }, { message_id: "t1-a", post: 0, turn: 1 });
  await world.bus.conversations.purge(id);
  expect(await world.bus.readMarks.of(id, "ben")).toBeUndefined();
});
