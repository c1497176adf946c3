import { randomUUID } from "node:crypto";
import { limits } from "@parley/protocol";
import { startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, jwtSecret, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createRoom, lookAt, toldOf, untilPresent, untilTyping } from "./support/rooms.ts";

let world: World;
let redis: Broker;
let near: EdgeUnderTest;

beforeAll(async () => {
  [world, redis] = await Promise.all([createWorld(), startRedis({ persist: false })]);
  near = await world.addEdge();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** An edge that may be killed and frozen. */
async function startFar(): Promise<Service & { readonly url: string }> {
  const env = { NATS_URL: world.nats.url, REDIS_URL: redis.url, AUTH_DEV: "1", AUTH_JWT_SECRET: jwtSecret };
  const service = await startService("edge", { ...env, LOG_LEVEL: "warn" });
  return Object.assign(service, { url: `ws://127.0.0.1:${service.port}/ws/chat` });
}

it("forgets within ten seconds who was at an edge that was killed", async () => {
  await using far = await startFar();
  const id = await createRoom(world.bus, near, ["ann", "ben"]);
  const ann = await lookAt(near, "ann", id);
  const ben = await lookAt(far, "ben", id);
  await untilPresent(ann, ["ann", "ben"]);
  ben.send({ type: "typing", conversation_id: id, on: true });
  await untilTyping(ann, ["ben"]);
  await far.kill();
  const killedMs = performance.now();
  await untilPresent(ann, ["ann"], limits.signalMs + 10_000);
  // It was heard last before it was killed; then comes the round of the sweep, and that of the room.
  expect(performance.now() - killedMs).toBeLessThan(limits.signalMs + 2_500);
  await untilTyping(ann, []);
}, 60_000);

it("knows how things stand again when an edge that stood still goes on, and that edge does too", async () => {
  await using far = await startFar();
  const id = await createRoom(world.bus, near, ["ann", "ben", "cleo"]);
  const ann = await lookAt(near, "ann", id);
  const ben = await lookAt(far, "ben", id);
  await untilPresent(ben, ["ann", "ben"]);
  far.freeze();
  await untilPresent(ann, ["ann"], limits.signalMs + 10_000);
  const cleo = await lookAt(near, "cleo", id);
  await untilPresent(cleo, ["ann", "cleo"]);
  far.thaw();
  await untilPresent(ann, ["ann", "ben", "cleo"]);
  await untilPresent(ben, ["ann", "ben", "cleo"]);
  // It never took the others for gone: what they had said meanwhile came first.
  const seen = ben.frames.flatMap((frame) =>
    frame.type === "presence" ? [frame.users.map(({ id: user }) => user)] : [],
  );
  expect(seen.filter((users) => users.includes("ann")).length).toBe(seen.length - Number(seen[0]?.length === 1));
  expect(toldOf(ben, "presence")?.online).toBe(3);
}, 90_000);

it("tells twenty users on two edges of each other, no more than one thing a second each", async () => {
  await using far = await startFar();
  const users = Array.from({ length: 20 }, (_, i) => `u${String(i).padStart(2, "0")}_${randomUUID().slice(0, 4)}`);
  const id = await createRoom(world.bus, near, ["ann", ...users]);
  const clients = await Promise.all(users.map((user, i) => lookAt(i % 2 === 0 ? near : far, user, id)));
  const [first] = clients;
  if (first === undefined) throw new Error("nobody came");
  await Promise.all(clients.map((client) => untilPresent(client, users)));
  const before = clients.map(({ frames }) => frames.length);
  const beganMs = performance.now();
  for (let round = 0; performance.now() - beganMs < 4_000; round++) {
    for (const client of clients) client.send({ type: "typing", conversation_id: id, on: round % 3 !== 2 });
    await Promise.all(clients.map(async (client) => [client.send({ type: "ping" }), await client.next("pong")]));
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  clients.forEach(({ frames }, i) => {
    const told = frames.slice(before[i]).filter(({ type }) => type === "typing");
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
  });
}, 90_000);
