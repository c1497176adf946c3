import { openBus } from "@parley/bus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGateStore } from "../src/admission/gate-store.ts";
import type { Identity } from "../src/admission/identity.ts";
import { createSessions } from "../src/admission/sessions.ts";
import { revokerOf } from "../src/admission-room.ts";
import { AddressRules } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { createBrowser, type Browser } from "./support/browser.ts";
import { createWorld, log, tokenOf, type World } from "./support/edge-fixture.ts";
import { startOwnProvider, type OwnProvider } from "./support/own-provider.ts";
import { createRedisWorld, type RedisWorld, type TestRedis } from "./support/redis.ts";
import { addSignInEdge, pageHeaders, type SignInEdge } from "./support/sign-in-fixture.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let world: World;
let redisWorld: RedisWorld;
let redis: TestRedis;
let provider: OwnProvider;
let edge: SignInEdge;
/** Another process of the same deployment. */
let other: SignInEdge;
const closing: (() => unknown)[] = [];

/** An edge with a gate of its own, as each process has. */
async function addEdge(origin?: string): Promise<SignInEdge> {
  const bus = await openBus({ servers: world.nats.url, name: "gate", log });
  const registry = createMetrics({ service: "gate" });
  const addresses = () => AddressRules.parse({});
  const gate = await openGateStore({ bus, redis: undefined, addresses, registry, log });
  closing.push(() => bus.close(), gate.close);
  const revoke = revokerOf(gate);
  const shared = origin === undefined ? {} : { origin };
  return addSignInEdge(world, { redis: await redisWorld.connect(), issuer: provider.issuer, gate, revoke, ...shared });
}

beforeAll(async () => {
  [world, redisWorld, provider] = [await createWorld(), await createRedisWorld(), await startOwnProvider()];
  redis = await redisWorld.connect();
  edge = await addEdge();
  other = await addEdge(edge.origin);
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  for (const close of closing.toReversed()) await close();
  await redisWorld[Symbol.asyncDispose]();
});

async function signIn(user: string, agent?: string): Promise<Browser> {
  provider.behaviour.user = user;
  const browser = createBrowser(agent);
  await browser.open(`${edge.origin}/auth/login`, (url) => url === `${edge.origin}/`);
  expect(browser.cookies.has("parley_session")).toBe(true);
  return browser;
}

async function ask(browser: Browser, method: string, path: string, at = edge) {
  const url = `http://127.0.0.1:${at.port}${path}`;
  const response = await fetch(url, { method, headers: pageHeaders(edge, browser) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

const me = async (browser: Browser, at = edge): Promise<number> =>
  (await ask(browser, "GET", "/api/v1/auth/me", at)).status;

async function socketOf(browser: Browser, at = edge): Promise<TestClient> {
  const client = await connectClient(at.url, { headers: pageHeaders(edge, browser) });
  await client.next("auth_success");
  return client;
}

describe("a user", () => {
  it("sees its own sign-ins: when, from where, with what, and which one asks", async () => {
    await signIn("lea", "phone");
    await signIn("somebody-else");
    const browser = await signIn("lea", "laptop");
    const { body } = await ask(browser, "GET", "/api/v1/auth/sessions");
    const address = "127.0.0.1";
    expect(body.sessions).toMatchObject([
      { user_agent: "laptop", current: true, address },
      { user_agent: "phone", current: false, address },
    ]);
    expect(body.sessions[0].made).toBeGreaterThan(Date.now() - 60_000);
    // With a token the same user sees them too; none of them asks then.
    const headers = { authorization: `Bearer ${await tokenOf("lea")}` };
    const byToken: unknown = await (await fetch(`${edge.origin}/api/v1/auth/sessions`, { headers })).json();
    expect(byToken).toMatchObject({ sessions: [{ current: false }, { current: false }] });
  });

  it("ends one of them, whose sockets are closed within a second on every edge; the others stay", async () => {
    const [lost, kept] = [await signIn("mia", "lost phone"), await signIn("mia", "laptop")];
    const [here, there, stays] = [await socketOf(lost), await socketOf(lost, other), await socketOf(kept, other)];
    const { body } = await ask(kept, "GET", "/api/v1/auth/sessions");
    const { id } = body.sessions.find((one: { user_agent: string }) => one.user_agent === "lost phone");
    const fromMs = performance.now();
    expect((await ask(kept, "DELETE", `/api/v1/auth/sessions/${id}`)).status).toBe(204);
    expect(await Promise.all([here.closed, there.closed])).toEqual([4500, 4500]);
    expect(performance.now() - fromMs).toBeLessThan(2_000);
    expect([await me(lost), await me(lost, other), await me(kept)]).toEqual([401, 401, 200]);
    stays.send({ type: "ping" });
    await stays.next("pong");
    stays.close();
  });

  it("cannot end somebody else's", async () => {
    const [mine, theirs] = [await signIn("nina"), await signIn("olga")];
    const { body } = await ask(theirs, "GET", "/api/v1/auth/sessions");
    const ended = await ask(mine, "DELETE", `/api/v1/auth/sessions/${body.sessions[0].id}`);
    expect(ended).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect(await me(theirs)).toBe(200);
  });

  it("signs out everywhere: all sign-ins and all tokens that were made before are over, on every edge", async () => {
    const [one, two] = [await signIn("pam"), await signIn("pam")];
    const token = await tokenOf("pam");
    const sockets = [
      await socketOf(one),
      await socketOf(two, other),
      await connectClient(`${other.url}?token=${token}`),
    ];
    await sockets[2]?.next("auth_success");
    expect((await ask(one, "DELETE", "/api/v1/auth/sessions")).status).toBe(204);
    expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual([4500, 4500, 4500]);
    const headers = { authorization: `Bearer ${token}` };
    expect([
      await me(one),
      await me(two, other),
      (await fetch(`${edge.origin}/api/v1/auth/me`, { headers })).status,
    ]).toEqual([...[401, 401, 401]]);
    expect(await me(await signIn("pam"))).toBe(200);
  });
});

describe("a sign-in", () => {
  const identity: Identity = {
    ...{ user: { id: "quinn" }, issuer: "corp", tenant: undefined, roles: [], expiresAtMs: 0 },
    ...{ session: "sid", tokenId: "jti", issuedAtMs: 1 },
  };
  const at = { identity, address: "127.0.0.1", agent: "test" };

  it("ends when its user did nothing for long, and in any case after the longest time", async () => {
    const short = createSessions(redis, { idleMs: 400, maxMs: 1_200 });
    const { cookie, id } = await short.begin(at);
    const beganMs = Date.now();
    for (let n = 0; n < 5; n++) {
      expect(await short.touch(id)).toBeDefined();
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    // It was used for longer than it may rest.
    expect(Date.now() - beganMs).toBeGreaterThan(400);
    expect(await short.byCookie(cookie)).toBeDefined();
    await expect
      .poll(
        async () => {
          await short.touch(id);
          return short.byCookie(cookie);
        },
        { timeout: 3_000 },
      )
      .toBeUndefined();
    expect(Date.now() - beganMs).toBeLessThan(2_500);
    const resting = await short.begin(at);
    await expect.poll(() => short.look(resting.id), { timeout: 2_000 }).toBeUndefined();
  });

  it("that has ended does not come back by being used at the same time", async () => {
    const sessions = createSessions(redis, { idleMs: 60_000, maxMs: 60_000 });
    const { id } = await sessions.begin(at);
    await Promise.all([sessions.touch(id), sessions.end("quinn", id), sessions.touch(id), sessions.touch(id)]);
    expect(await sessions.look(id)).toBeUndefined();
    expect(await redis.exists(`sessions:one:${id}`)).toBe(0);
  });

  it("is one of 50 of its user: the oldest ends", async () => {
    const sessions = createSessions(redis, { idleMs: 60_000, maxMs: 60_000 });
    const user = { ...at, identity: { ...identity, user: { id: "rosa" } } };
    const first = await sessions.begin(user);
    for (let n = 0; n < 50; n++) await sessions.begin(user);
    expect(await sessions.look(first.id)).toBeUndefined();
    expect(await sessions.list("rosa")).toHaveLength(50);
  });

  it("is in Redis as a hash only, and none of its keys stays for ever", async () => {
    const browser = await signIn("sue");
    const cookie = browser.cookies.get("parley_session") ?? "";
    for (const key of await redis.keys("sessions:*")) {
      const text = key.startsWith("sessions:one:") ? await redis.get(key) : "";
      expect(`${key} ${text}`).not.toContain(cookie);
      expect(await redis.pttl(key)).toBeGreaterThan(0);
    }
  });

  it("survives its edge", async () => {
    const browser = await signIn("tess");
    const next = await addEdge(edge.origin);
    await next.stop();
    const after = await addEdge(edge.origin);
    expect(await me(browser, after)).toBe(200);
  });
});

it("while Redis is away nobody is asked to sign in again, and tokens go on to work; when its data are lost, people sign in again", async () => {
  const browser = await signIn("uma");
  await redisWorld.server.stop();
  expect(await ask(browser, "GET", "/api/v1/auth/me")).toMatchObject({
    status: 503,
    body: { code: "AUTH_UNAVAILABLE" },
  });
  const headers = { authorization: `Bearer ${await tokenOf("uma")}` };
  expect((await fetch(`${edge.origin}/api/v1/auth/me`, { headers })).status).toBe(200);
  await redisWorld.server.restart();
  await expect.poll(() => me(browser), { timeout: 10_000 }).toBe(200);
  await expect.poll(() => redis.status, { timeout: 10_000 }).toBe("ready");
  await redis.flushall();
  expect(await ask(browser, "GET", "/api/v1/auth/me")).toMatchObject({ status: 401, body: { code: "AUTH_EXPIRED" } });
  expect(await me(await signIn("uma"))).toBe(200);
});
