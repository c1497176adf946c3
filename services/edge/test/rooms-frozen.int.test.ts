import { randomUUID } from "node:crypto";
import type { People } from "@parley/protocol";
import { eventually, startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, jwtSecret, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let world: World;
let redis: Broker;
/** One in this process, and one that can stand still. */
let edge: EdgeUnderTest;
let frozen: Service;

beforeAll(async () => {
  [world, redis] = await Promise.all([createWorld(), startRedis()]);
  edge = await world.addEdge();
  frozen = await startService("edge", {
    ...{ NATS_URL: world.nats.url, REDIS_URL: redis.url, AUTH_JWT_SECRET: jwtSecret, LOG_LEVEL: "warn" },
  });
}, 120_000);
afterAll(async () => {
  await frozen[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function connect(user: string): Promise<TestClient> {
  const client = await connectClient(`ws://127.0.0.1:${frozen.port}/ws/chat`);
  client.send({ type: "auth", token: await tokenOf(user) });
  await client.next("auth_success");
  return client;
}

async function turn(client: TestClient, id: string, text: string): Promise<void> {
  client.send({ type: "message", id: randomUUID(), message: text, conversation_id: id });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id: id, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user" }, message: text });
  await world.worker.take(id, turn_id).complete(`answer to ${text}`);
}

const withBert = (people: People) => ({
  people: { ...people, members: [{ id: "bert", role: "writer", since: 1 }] },
});

it("an edge that stood still for 5 s shows a member who was removed meanwhile nothing that came since, and does nothing for them", async () => {
  const id = `c_${randomUUID()}`;
  const owner = await world.connect(edge);
  await turn(owner, id, "before");
  await world.bus.people.change(id, withBert);
  const [looking, sending, asking] = [await connect("bert"), await connect("bert"), await connect("bert")];
  for (const client of [looking, sending]) {
    client.send({ type: "subscribe", conversation_id: id });
    await client.next("snapshot");
  }
  frozen.freeze();
  const removed = await ask(edge, "DELETE", `/api/v1/conversations/${id}/members/bert`);
  expect(removed.status).toBe(204);
  await turn(owner, id, "secret");
  // What its kernel keeps for it until then.
  sending.send({ type: "message", id: "late", message: "I am still here", conversation_id: id });
  asking.send({ type: "subscribe", conversation_id: id });
  asking.send({ type: "pin", conversation_id: id, message_id: "m-1", on: true });
  const thawAt = performance.now() + 5_000;
  await eventually(() => performance.now() > thawAt, { what: "a standstill", timeoutMs: 10_000 });
  const headers = { authorization: `Bearer ${await tokenOf("bert")}` };
  const reading = fetch(`http://127.0.0.1:${frozen.port}/api/v1/conversations/${id}/messages`, { headers });
  frozen.thaw();
  expect((await reading).status).toBe(403);
  expect(await looking.next("error", { timeoutMs: 1_500 })).toMatchObject({ code: "FORBIDDEN", conversation_id: id });
  for (const frame of ["subscribe", "pin"])
    expect(await asking.next("error")).toMatchObject({ code: "FORBIDDEN", frame });
  await eventually(
    () => sending.frames.some((frame) => frame.type === "error" && "frame" in frame && frame.frame === "message"),
    {
      what: "the refusal of a message",
    },
  );
  for (const client of [looking, sending, asking])
    expect(JSON.stringify(client.frames)).not.toMatch(/secret|still here/);
  const { body } = await ask(edge, "GET", `/api/v1/conversations/${id}/messages`);
  expect(JSON.stringify(body)).not.toContain("still here");
  expect((await world.bus.people.of(id))?.people?.pins).toEqual([]);
}, 60_000);
