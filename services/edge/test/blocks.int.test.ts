import { connectRedis } from "@parley/bus";
import type { AddressRules } from "@parley/protocol";
import { eventually, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Offence } from "../src/admission/gate.ts";
import type { GateStore } from "../src/admission/gate-store.ts";
import { connectCache, createGateWorld, signToken, type GatedEdge, type GateWorld } from "./support/gate-world.ts";
import { log } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let gates: GateWorld;
let redisServer: Broker;
/** Of the edges. */
let redis: ReturnType<typeof connectCache>;
/** Of the test. */
let observer: ReturnType<typeof connectRedis>;
let one: GatedEdge;
let other: GatedEdge;
let rules: AddressRules = { allow: [], deny: [] };

const exempt = "192.0.2.1";
const here = "127.0.0.1";
const minute = 60_000;
const policy = 4503;

beforeAll(async () => {
  [gates, redisServer] = [await createGateWorld(), await startRedis({ persist: false })];
  redis = connectCache(redisServer.url);
  observer = connectRedis({ url: redisServer.url, role: "cache", log });
  await eventually(() => redis.status === "ready" && observer.status === "ready", { what: "Redis" });
  const options = { redis, isExempt: (address: string) => address === exempt, addresses: () => rules };
  [one, other] = [await gates.addEdge(options), await gates.addEdge(options)];
});
afterAll(async () => {
  await gates[Symbol.asyncDispose]();
  redis.disconnect();
  observer.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

beforeEach(() => observer.flushall());

function offend(gate: GateStore, address: string, userId?: string, offence: Offence = "bad token"): void {
  for (let nth = 0; nth < 11; nth++) gate.note(offence, { address, userId });
}

/** How long the address is still blocked for, in minutes. */
async function blockedFor(gate: GateStore, address: string, userId?: string): Promise<number> {
  const until = await eventually(() => gate.blockedUntil(address, userId), {
    what: `a block of ${address}`,
    timeoutMs: 2_500,
  });
  return Math.round((until - Date.now()) / minute);
}

/** All clients of this test come from here. */
async function liftHere(): Promise<void> {
  await one.gate.lift({ kind: "address", id: here });
  await eventually(() => [one, other].every(({ gate }) => gate.blockedUntil(here) === undefined), { what: "the lift" });
}

async function anonymous(edge: GatedEdge): Promise<TestClient> {
  const client = await connectClient(edge.url);
  await client.next("welcome");
  return client;
}

async function comeIn(edge: GatedEdge, user: string): Promise<TestClient> {
  const client = await anonymous(edge);
  client.send({ type: "auth", token: await signToken(user) });
  await client.next("auth_success");
  return client;
}

describe("an address that offends too often", () => {
  it("is blocked on all edges, for longer each time, and on none after it was lifted", async () => {
    const address = "203.0.113.1";
    for (const minutes of [1, 4, 16]) {
      offend(one.gate, address);
      expect(await blockedFor(other.gate, address)).toBe(minutes);
      // As if its time were over.
      const name = `address ${address}`;
      const details = await redis.get(`blocks:of:${name}`);
      await redis.zrem("blocks:ends", name);
      await redis.set(`blocks:of:${name}`, JSON.stringify({ ...JSON.parse(details!), until_ms: Date.now() - 1 }));
      await redis.set("blocks:mark", String(minutes));
      await eventually(() => [one, other].every(({ gate }) => gate.blockedUntil(address) === undefined), {
        what: "the end",
      });
    }
    offend(other.gate, address);
    expect(await blockedFor(one.gate, address)).toBe(64);
    expect(await one.gate.blocks()).toMatchObject([
      { kind: "address", id: address, nth: 4, reason: "bad token", by: "gate" },
    ]);
    expect(await one.gate.lift({ kind: "address", id: address })).toBe(true);
    await eventually(() => other.gate.blockedUntil(address) === undefined, { what: "the lift", timeoutMs: 2_000 });
    // And what it had done is forgotten.
    offend(other.gate, address);
    expect(await blockedFor(one.gate, address)).toBe(1);
  });

  it("counts once for two edges at which it offends at the same time", async () => {
    const address = "203.0.113.2";
    offend(one.gate, address);
    offend(other.gate, address);
    expect(await blockedFor(one.gate, address)).toBe(1);
    expect((await one.gate.blocks()).find(({ id }) => id === address)).toMatchObject({ nth: 1 });
  });

  it("loses its sockets that have not said who they are; others, and users behind it, stay", async () => {
    const [stranger, user] = [await anonymous(other), await comeIn(other, "anna")];
    offend(one.gate, here);
    expect(await stranger.closed).toBe(policy);
    user.send({ type: "ping" });
    await user.next("pong");
    user.close();
    await liftHere();
  });

  it("is never blocked where it is exempt", async () => {
    offend(one.gate, exempt);
    const order = { kind: "address", id: exempt, forMs: minute, by: "a test", reason: "none" } as const;
    await expect(one.gate.block(order)).rejects.toMatchObject({ code: "INVALID_FRAME" });
    expect(one.gate.blockedUntil(exempt)).toBe(undefined);
    expect((await one.gate.blocks()).map(({ id }) => id)).not.toContain(exempt);
  });
});

describe("what edges count by themselves", () => {
  it("is sockets that were closed for their frames", async () => {
    for (let nth = 0; nth < 5; nth++) {
      const client = await anonymous(one);
      for (let frame = 0; frame < 25; frame++) client.sendText("no frame");
      expect(await client.closed).toBe(4501);
    }
    expect(await blockedFor(other.gate, here)).toBe(1);
    await liftHere();
  });

  it("is sockets that bring no token in time", async () => {
    const deadlines = { authMs: 50, anonymousMs: 50, warnMs: 1_000, graceMs: 1_000 };
    const edge = await gates.addEdge({ redis, edge: { deadlines } });
    const clients = await Promise.all(Array.from({ length: 21 }, () => connectClient(edge.url)));
    expect(await Promise.all(clients.map(({ closed }) => closed))).toContain(4008);
    expect(await blockedFor(one.gate, here)).toBe(1);
    await liftHere();
  });
});

describe("a user who offends too often", () => {
  it("is kept out of all edges, from wherever they come, and the address is not blamed", async () => {
    const client = await comeIn(other, "bert");
    offend(one.gate, here, "bert", "rate limit");
    expect(one.gate.blockedUntil(here, "bert")).toBe(undefined);
    for (let round = 0; round < 5; round++) offend(one.gate, here, "bert", "rate limit");
    expect(await client.closed).toBe(policy);
    const headers = { authorization: `Bearer ${await signToken("bert")}` };
    const refused = await ask(other, "GET", "/api/v1/conversations", { user: null, headers });
    expect(refused).toMatchObject({ status: 403, body: { code: "BLOCKED", retryable: false } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(30);
    expect(one.gate.blockedUntil(here)).toBe(undefined);
    (await comeIn(other, "anna")).close();
  });
});

describe("addresses in the file", () => {
  it("are denied or allowed as it says, also after it was changed", async () => {
    const stranger = await anonymous(one);
    rules = { allow: ["203.0.113.7"], deny: [here, "203.0.113.0/24"] };
    expect(await stranger.closed).toBe(policy);
    expect(one.gate.blockedUntil("203.0.113.8")).toBeGreaterThan(Date.now() + minute);
    offend(one.gate, "203.0.113.7");
    expect(one.gate.blockedUntil("203.0.113.7")).toBe(undefined);
    rules = { allow: [], deny: [] };
    await eventually(() => one.gate.blockedUntil(here) === undefined, { what: "the new rules" });
  });
});

describe("without Redis", () => {
  it("an edge blocks alone; all know it when Redis is back", async () => {
    await redisServer.kill();
    await eventually(() => redis.status !== "ready", { what: "the loss of Redis" });
    offend(one.gate, "203.0.113.3");
    expect(await blockedFor(one.gate, "203.0.113.3")).toBe(1);
    const order = { kind: "user", id: "carl", forMs: minute, by: "a test", reason: "none" } as const;
    expect(await one.gate.block(order)).toMatchObject({ isShared: false });
    await expect(one.gate.lift({ kind: "user", id: "dora" })).rejects.toMatchObject({ code: "OVERLOADED" });
    expect(other.gate.blockedUntil("203.0.113.3", "carl")).toBe(undefined);
    await redisServer.restart();
    await eventually(() => other.gate.blockedUntil("203.0.113.3") !== undefined, { what: "the block elsewhere" });
    await eventually(() => other.gate.blockedUntil("", "carl") !== undefined, { what: "the other one elsewhere" });
    expect(await other.gate.lift({ kind: "user", id: "carl" })).toBe(true);
    await eventually(() => one.gate.blockedUntil("", "carl") === undefined, { what: "the lift" });
  });
});
