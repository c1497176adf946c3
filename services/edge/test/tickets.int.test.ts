import { limits } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGate } from "../src/admission/gate.ts";
import type { Identity } from "../src/admission/identity.ts";
import { createTickets } from "../src/admission/tickets.ts";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createRedisWorld, type RedisWorld, type TestRedis } from "./support/redis.ts";
import { connectClient } from "./support/test-client.ts";

let world: World;
let redisWorld: RedisWorld;
let redis: TestRedis;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;
let revoked: (identity: Identity) => boolean = () => false;

beforeAll(async () => {
  [world, redisWorld] = [await createWorld(), await createRedisWorld()];
  redis = await redisWorld.connect();
  const gate = { ...openGate, isRevoked: (one: Identity) => revoked(one) };
  [edge, other] = [await world.addEdge({ redis, gate }), await world.addEdge({ redis: await redisWorld.connect() })];
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redisWorld[Symbol.asyncDispose]();
});

async function ticketOf(user: string, headers?: Record<string, string>): Promise<string> {
  const { status, body } = await ask(edge, "POST", "/api/v1/auth/ticket", {
    user,
    ...(headers === undefined ? {} : { headers }),
  });
  expect(status).toBe(200);
  return body.ticket;
}

/** What a socket with this ticket is told. */
async function redeemed(at: EdgeUnderTest, ticket: string): Promise<string> {
  const client = await connectClient(`${at.url}?ticket=${ticket}`);
  await expect.poll(() => client.frames.length).toBeGreaterThan(1);
  const [, answer] = client.frames;
  client.close();
  return answer?.type === "auth_success" ? answer.user.id : answer?.type === "auth_error" ? answer.code : "nothing";
}

describe("a ticket", () => {
  it("opens one socket, once, on whichever edge", async () => {
    const ticket = await ticketOf("ann");
    expect(ticket).toMatch(/^[\w-]{43}$/);
    expect(await redeemed(other, ticket)).toBe("ann");
    expect([await redeemed(other, ticket), await redeemed(edge, ticket)]).toEqual(["AUTH_INVALID", "AUTH_INVALID"]);
  });

  it("opens one socket when twenty are opened with it at once on two edges", async () => {
    const ticket = await ticketOf("ann");
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => redeemed(n % 2 === 0 ? edge : other, ticket)),
    );
    expect(answers.filter((answer) => answer === "ann")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "AUTH_INVALID")).toHaveLength(19);
  });

  it("lasts for 30 s, and not longer than its token", async () => {
    const { body } = await ask(edge, "POST", "/api/v1/auth/ticket");
    expect(body.expires_at - Date.now()).toBeGreaterThan(25_000);
    expect(body.expires_at - Date.now()).toBeLessThanOrEqual(30_000);
    const authorization = `Bearer ${await tokenOf("ann", 3_000)}`;
    const short = await ask(edge, "POST", "/api/v1/auth/ticket", { user: null, headers: { authorization } });
    expect(short.body.expires_at - Date.now()).toBeLessThanOrEqual(3_000);
  });

  it("is not known once its time is over", async () => {
    const ticket = await ticketOf("ann");
    const keys = await redis.keys("tickets:*");
    for (const key of keys) {
      expect(await redis.pttl(key)).toBeGreaterThan(0);
      await redis.pexpire(key, 1);
    }
    await expect.poll(() => redis.exists(...keys)).toBe(0);
    expect(await redeemed(edge, ticket)).toBe("AUTH_INVALID");
  });

  it("is in Redis as a hash only", async () => {
    const ticket = await ticketOf("ann");
    const keys = await redis.keys("*");
    const texts = await Promise.all(keys.map((key) => redis.get(key)));
    expect(keys.some((key) => key.startsWith("tickets:"))).toBe(true);
    expect([...keys, ...texts].filter((text) => text?.includes(ticket))).toEqual([]);
  });

  it("keeps user, tenant, roles, scopes, sign-in, name and time of its token", async () => {
    const tickets = createTickets(redis);
    const identity: Identity = {
      ...{
        user: { id: "ann", name: "Ann" },
        issuer: "corp",
        tenant: "acme",
        roles: ["operator"],
        scopes: ["session:*"],
      },
      ...{ session: "s1", tokenId: "t1", issuedAtMs: 17, expiresAtMs: Date.now() + 60_000 },
    };
    const { ticket } = await tickets.make({ identity, signIn: "web" });
    expect(await tickets.redeem(ticket)).toEqual({ identity, signIn: "web" });
  });

  it("of a token that was revoked since opens nothing", async () => {
    const ticket = await ticketOf("eve");
    revoked = ({ user }) => user.id === "eve";
    expect(await redeemed(edge, ticket)).toBe("AUTH_INVALID");
    revoked = () => false;
  });

  it("needs somebody who asks for it", async () => {
    expect(await ask(edge, "POST", "/api/v1/auth/ticket", { user: null })).toMatchObject({
      status: 401,
      body: { code: "AUTH_REQUIRED" },
    });
  });

  it.each(["x", "t".repeat(limits.accessTokenChars), "../../etc", "%00", "t".repeat(43)])(
    "that nobody made opens nothing",
    async (ticket) => {
      expect(await redeemed(edge, encodeURIComponent(ticket))).toBe("AUTH_INVALID");
    },
  );
});

it("without Redis tickets are refused with a sentence, and tokens go on to work", async () => {
  const ticket = await ticketOf("ann");
  await redisWorld.server.stop();
  const { status, headers, body } = await ask(edge, "POST", "/api/v1/auth/ticket");
  expect(status).toBe(503);
  expect(headers.get("retry-after")).toBe("1");
  const error = "Tickets cannot be made or checked at the moment. Show the token itself, or try again shortly.";
  expect(body).toMatchObject({ code: "AUTH_UNAVAILABLE", retryable: true, error });
  const client = await connectClient(`${edge.url}?ticket=${ticket}`);
  expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_UNAVAILABLE" });
  expect(await client.closed).toBe(4006);
  expect((await ask(edge, "GET", "/api/v1/auth/me")).status).toBe(200);
  await redisWorld.server.restart();
  await expect.poll(async () => (await ask(edge, "POST", "/api/v1/auth/ticket")).status, { timeout: 10_000 }).toBe(200);
});
