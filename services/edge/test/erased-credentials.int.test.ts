import { jetstreamManager } from "@nats-io/jetstream";
import { openBus } from "@parley/bus";
import { AddressRules, streams } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { eventually, signedIn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openGateStore } from "../src/admission/gate-store.ts";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { signToken } from "./support/gate-world.ts";
import { connectClient } from "./support/test-client.ts";
import { enter, record } from "./support/rooms.ts";

const windowMs = 2_000;
let world: World;
const closing: { close(): unknown }[] = [];
let edges: [EdgeUnderTest, EdgeUnderTest];

async function addEdge(leaseMs = 1_000): Promise<EdgeUnderTest> {
  const bus = await openBus({ servers: signedIn(world.nats.url, "edge"), name: "gate", log });
  const rules = AddressRules.parse({});
  const registry = createMetrics({ service: "gate" });
  const gate = await openGateStore({ bus, redis: undefined, addresses: () => rules, registry, log });
  closing.push(bus, gate);
  return world.addEdge({ gate, eventWindowMs: windowMs, privacy: { leaseMs, expel: gate.expel } });
}

beforeAll(async () => {
  world = await createWorld();
  const jsm = await jetstreamManager(world.bus.nc, { checkAPI: false });
  await jsm.streams.update(streams.events(0), { max_age: windowMs * 1e6, duplicate_window: windowMs * 1e6 });
  edges = [await addEdge(), await addEdge()];
});
afterAll(async () => {
  for (const one of closing.toReversed()) await one.close();
  await world[Symbol.asyncDispose]();
});

async function statusOf(edge: EdgeUnderTest, token: string, path = "/api/v1/conversations/c_of_zoe/messages") {
  const response = await fetch(`http://127.0.0.1:${edge.port}${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return response.status;
}

it("what somebody came in with who was erased is refused at every edge, and who signs in again is somebody new", async () => {
  const user = "zoe";
  const old = await signToken(user);
  const writer = await enter(edges[0], user);
  writer.send({ type: "message", id: "m1", message: "mine", conversation_id: "c_of_zoe" });
  const { turn_id } = await writer.next("accepted");
  await record(world.bus, "c_of_zoe", turn_id, { asker: user, answer: "yours" });
  await world.worker.take("c_of_zoe", turn_id).complete("yours");
  for (const edge of edges) expect(await statusOf(edge, old)).toBe(200);

  const asked = await fetch(`http://127.0.0.1:${edges[0].port}/api/v1/me`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${old}`, "content-type": "application/json" },
    body: JSON.stringify({ confirm: user }),
  });
  expect(asked.status).toBe(202);
  const { erasure_id } = (await asked.json()) as { erasure_id: string };
  for (const edge of edges)
    await eventually(async () => (await statusOf(edge, old)) === 401, { what: "the refusal", timeoutMs: 5_000 });
  expect(await writer.closed).toBeGreaterThan(0);
  // Also what is issued while the work is under way.
  expect(await statusOf(edges[1], await signToken(user, { jti: "meanwhile" }))).toBe(401);
  const client = await connectClient(edges[1].url);
  client.send({ type: "auth", token: old });
  expect(await client.next("auth_error")).toMatchObject({ code: expect.stringMatching(/^AUTH_/) });

  await eventually(
    async () => {
      const response = await fetch(`http://127.0.0.1:${edges[1].port}/api/v1/erasures/${erasure_id}`);
      return ((await response.json()) as { state?: string }).state === "done";
    },
    { what: "the erasure", timeoutMs: 40_000 },
  );
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const anew = await signToken(user);
  for (const edge of edges) {
    await eventually(async () => (await statusOf(edge, anew)) !== 401, { what: "somebody new" });
    expect([403, 404]).toContain(await statusOf(edge, anew));
    expect(await statusOf(edge, old)).toBe(401);
  }
});

it("they are refused as soon as it is asked for, while whoever had the work is gone", async () => {
  await using other = await createWorld();
  const before = world;
  world = other;
  await other.bus.privacy.setUp();
  await other.bus.privacy.lease("keeper", "a process that is gone", undefined);
  const pair = [await addEdge(600_000), await addEdge(600_000)] as const;
  world = before;
  const token = await signToken("yves");
  expect(await statusOf(pair[0], token, "/api/v1/memory")).toBe(200);
  const asked = await fetch(`http://127.0.0.1:${pair[0].port}/api/v1/me`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ confirm: "yves" }),
  });
  expect(asked.status).toBe(202);
  expect(await statusOf(pair[0], token, "/api/v1/memory")).toBe(401);
  await eventually(async () => (await statusOf(pair[1], token, "/api/v1/memory")) === 401, {
    what: "the refusal at the other edge",
    timeoutMs: 1_500,
  });
});
