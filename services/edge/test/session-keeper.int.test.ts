import { afterAll, beforeAll, expect, it } from "vitest";
import { createConnection, move, type Connection } from "../src/delivery/connection.ts";
import { createSessionKeeper } from "../src/admission/session-keeper.ts";
import { createSessions, type Sessions } from "../src/admission/sessions.ts";
import { nativeDialect } from "@parley/dialects";
import { log } from "./support/edge-fixture.ts";
import { createRedisWorld, type RedisWorld, type TestRedis } from "./support/redis.ts";

let redisWorld: RedisWorld;
let redis: TestRedis;
let sessions: Sessions;
let commands = 0;
const closed: string[] = [];

beforeAll(async () => {
  redisWorld = await createRedisWorld();
  redis = await redisWorld.connect();
  sessions = createSessions(redis, { idleMs: 600_000, maxMs: 3_600_000 });
});
afterAll(() => redisWorld[Symbol.asyncDispose]());

function keeperOf() {
  const counted = {
    touch: (id: string) => (commands++, sessions.touch(id)),
    look: (id: string) => (commands++, sessions.look(id)),
  };
  const outbox = {
    close: (outlet: object, code: number) => void closed.push(`${"id" in outlet ? String(outlet.id) : ""} ${code}`),
  };
  return createSessionKeeper({ sessions: counted, outbox, log, everyMs: 60_000 });
}

function openSocket(id: string): Connection {
  const connection = createConnection({ id, dialect: nativeDialect, openedMs: 0, credential: undefined });
  move(connection, "ready");
  connection.expiresMs = performance.now() + 600_000;
  return connection;
}

async function begin(user: string): Promise<string> {
  const identity = { user: { id: user }, issuer: "corp", tenant: undefined, roles: [], expiresAtMs: 0 };
  const rest = { session: undefined, tokenId: undefined, issuedAtMs: undefined };
  return (await sessions.begin({ identity: { ...identity, ...rest }, address: "", agent: "" })).id;
}

it("what is done on any socket of a sign-in keeps all of them, with one command a minute", async () => {
  const keeper = keeperOf();
  const id = await begin("ann");
  const sockets = ["a", "b", "c"].map(openSocket);
  for (const socket of sockets) keeper.keep(socket, id);
  const before = sockets.map(({ expiresMs }) => expiresMs);
  const [first] = sockets;
  // Almost forgotten, and the client was told so.
  for (const socket of sockets) Object.assign(socket, { expiresMs: performance.now() + 30_000, isWarned: true });
  if (first?.session !== undefined) first.session.activeMs = performance.now() + 1;
  commands = 0;
  const soonMs = performance.now() + 61_000;
  for (let n = 0; n < 50; n++) keeper.sweep(soonMs + n);
  await expect
    .poll(() => sockets.map(({ expiresMs }) => expiresMs > performance.now() + 500_000))
    .toEqual([true, true, true]);
  expect(sockets.map(({ isWarned }) => isWarned)).toEqual([false, false, false]);
  expect([commands, before.length]).toEqual([1, 3]);
});

it("a ping alone keeps nothing, but what happened elsewhere does", async () => {
  const keeper = keeperOf();
  const id = await begin("bob");
  const socket = openSocket("quiet");
  keeper.keep(socket, id);
  const { seenMs } = (await sessions.list("bob"))[0] ?? { seenMs: 0 };
  keeper.sweep(performance.now() + 61_000);
  await expect.poll(() => commands).toBeGreaterThan(0);
  expect((await sessions.list("bob"))[0]?.seenMs).toBe(seenMs);
  await sessions.touch(id);
  socket.expiresMs = performance.now() + 1_000;
  keeper.sweep(performance.now() + 122_000);
  await expect.poll(() => socket.expiresMs > performance.now() + 500_000).toBe(true);
});

it("the end of a sign-in closes its sockets, so that their clients come again and are told; Redis being away does not", async () => {
  const keeper = keeperOf();
  const [ended, stays] = [await begin("cat"), await begin("dan")];
  keeper.keep(openSocket("ended"), ended);
  keeper.keep(openSocket("stays"), stays);
  await sessions.end("cat", ended);
  keeper.sweep(performance.now() + 61_000);
  await expect.poll(() => closed).toEqual(["ended 4004"]);
  await redisWorld.server.stop();
  keeper.sweep(performance.now() + 122_000);
  await expect.poll(() => redis.status).not.toBe("ready");
  expect(closed).toEqual(["ended 4004"]);
});
