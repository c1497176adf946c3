import { createECDH, randomBytes } from "node:crypto";
import { freePort } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBrowser, type Browser } from "./support/browser.ts";
import { createWorld, tokenOf, type World } from "./support/edge-fixture.ts";
import { startRealProvider, type RealProvider } from "./support/real-provider.ts";
import { createRedisWorld, type RedisWorld } from "./support/redis.ts";
import { addSignInEdge, pageHeaders, signedIn, type SignInEdge } from "./support/sign-in-fixture.ts";
import { connectClient } from "./support/test-client.ts";

const browserKeys = {
  p256dh: createECDH("prime256v1").generateKeys("base64url"),
  auth: randomBytes(16).toString("base64url"),
};

let world: World;
let redisWorld: RedisWorld;
let provider: RealProvider;
let edge: SignInEdge;

beforeAll(async () => {
  [world, redisWorld] = [await createWorld(), await createRedisWorld()];
  const origin = `http://127.0.0.1:${await freePort()}`;
  provider = await startRealProvider([`${origin}/auth/callback`]);
  const { port } = new URL(origin);
  const push = { publicKey: browserKeys.p256dh, hosts: ["push.example.org"] };
  const redis = await redisWorld.connect();
  edge = await addSignInEdge(world, { redis, issuer: provider.issuer, port: Number(port), push });
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await redisWorld[Symbol.asyncDispose]();
});

async function json(browser: Browser, path: string, method = "GET", more: Record<string, string> = {}) {
  const response = await fetch(edge.origin + path, { method, headers: { ...pageHeaders(edge, browser), ...more } });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

describe("a person", () => {
  it("signs in at the provider, comes back to where it began, and is who the provider says", async () => {
    const { browser, back } = await signedIn(edge, provider.fillIn, "ann");
    expect([back.status, back.location]).toEqual([302, `${edge.origin}/ws/test`]);
    expect([...browser.cookies.keys()].filter((name) => name.startsWith("parley"))).toEqual(["parley_session"]);
    expect(back.setCookies[0]).toMatch(/^parley_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/);
    const { status, body } = await json(browser, "/api/v1/auth/me");
    const user = { id: "ann", name: "Person ann", email: "ann@example.org" };
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { user, tenant: "acme", roles: ["operator"], by: "session" },
    });
    expect(body.expires_at - Date.now()).toBeGreaterThan(3_500_000);
  });

  it("opens sockets with the cookie alone, which its page does not even see", async () => {
    const { browser } = await signedIn(edge, provider.fillIn, "ann");
    const client = await connectClient(edge.url, { headers: pageHeaders(edge, browser) });
    expect(await client.next("auth_success")).toMatchObject({ user: { id: "ann" } });
    client.send({ type: "message", id: "m1", conversation_id: "c_by_cookie", message: "hello" });
    await client.next("accepted");
    client.close();
    expect((await json(browser, "/api/v1/conversations")).body.conversations).toHaveLength(1);
  });

  it("signs out of one browser: cookie and sign-in are gone, other browsers stay", async () => {
    const [{ browser }, { browser: other }] = [
      await signedIn(edge, provider.fillIn, "ann"),
      await signedIn(edge, provider.fillIn, "ann"),
    ];
    const kept = new Map(browser.cookies);
    const out = await browser.request(`${edge.origin}/auth/logout`, {
      method: "POST",
      headers: { origin: edge.origin },
    });
    expect([out.status, browser.cookies.has("parley_session")]).toEqual([204, false]);
    for (const [name, value] of kept) browser.cookies.set(name, value);
    expect((await json(browser, "/api/v1/auth/me")).body).toMatchObject({ code: "AUTH_EXPIRED" });
    expect((await json(other, "/api/v1/auth/me")).status).toBe(200);
  });

  it("who signs out of a browser is told nothing on it any more, and goes on being told on others", async () => {
    const browsers = [await signedIn(edge, provider.fillIn, "ann"), await signedIn(edge, provider.fillIn, "ann")];
    const headers = { "content-type": "application/json" };
    for (const [place, { browser }] of browsers.entries()) {
      const body = JSON.stringify({
        endpoint: `https://push.example.org/${place}`,
        keys: browserKeys,
        name: `${place}`,
      });
      const path = `${edge.origin}/api/v1/notices/devices`;
      const asked = { method: "POST", body, headers: { ...pageHeaders(edge, browser), ...headers } };
      expect((await fetch(path, asked)).status).toBe(201);
    }
    await browsers[0]?.browser.request(`${edge.origin}/auth/logout`, {
      method: "POST",
      headers: { origin: edge.origin },
    });
    const { devices } = await world.bus.noticeRecords.of("ann");
    expect(devices.map(({ name }) => name)).toEqual(["1"]);
  });

  it("gets another cookie at each sign-in, and the one before counts no more", async () => {
    const { browser } = await signedIn(edge, provider.fillIn, "ann");
    const before = browser.cookies.get("parley_session") ?? "";
    await signedIn(edge, provider.fillIn, "ann", browser);
    const after = browser.cookies.get("parley_session") ?? "";
    expect(after).not.toBe(before);
    browser.cookies.set("parley_session", before);
    expect((await json(browser, "/api/v1/auth/me")).status).toBe(401);
  });
});

describe("a sign-in", () => {
  it("needs the browser in which it began", async () => {
    const victim = createBrowser();
    const { callback } = await unfinished("mallory");
    const page = await victim.request(callback);
    expect([
      page.status,
      page.setCookies.some((one) => one.startsWith("parley_session=") && !one.includes("Max-Age=0")),
    ]).toEqual([401, false]);
    expect(page.text).toContain("This sign-in did not begin in this browser, or took too long.");
  });

  it("with another state than the one that began is refused", async () => {
    const { browser, callback } = await unfinished("ann");
    const url = new URL(callback);
    url.searchParams.set("state", "another");
    expect((await browser.request(url.href)).status).toBe(401);
    expect(browser.cookies.has("parley_session")).toBe(false);
  });

  it("is done once: its code is refused when it comes again", async () => {
    const { browser, callback } = await unfinished("ann");
    const kept = new Map(browser.cookies);
    expect((await browser.request(callback)).status).toBe(302);
    browser.cookies.clear();
    for (const [name, value] of kept) browser.cookies.set(name, value);
    const again = await browser.request(callback);
    expect(again.status).toBe(401);
    expect(again.text).toContain("This sign-in cannot be completed: it was used before");
  });

  it("that its person has stopped says so", async () => {
    const { browser, callback } = await unfinished("ann");
    const url = new URL(callback);
    url.searchParams.delete("code");
    url.searchParams.set("error", "access_denied");
    const page = await browser.request(url.href);
    expect([page.status, page.text.includes("The sign-in was not completed.")]).toEqual([401, true]);
  });

  it.each([
    ["/ws/test?a=b#c", "/ws/test?a=b#c"],
    ["https://evil.example.org/", "/"],
    ["//evil.example.org/", "/"],
    ["/\\evil.example.org", "/"],
    ["/\t/evil.example.org", "/"],
    ["/.//evil.example.org", "/"],
    ["javascript:alert(1)", "/"],
    [`/${"x".repeat(2_000)}`, "/"],
  ])("that is to lead to %o leads to %o", async (to, expected) => {
    const { browser, callback } = await unfinished("ann", to);
    const { status, location } = await browser.request(callback);
    expect([status, location]).toEqual([302, edge.origin + expected]);
  });
});

/** A browser that is sent back, and has not gone yet. */
async function unfinished(user: string, to = "/") {
  const browser = createBrowser();
  const login = `${edge.origin}/auth/login?return_to=${encodeURIComponent(to)}`;
  const page = await browser.open(login, (url) => url.startsWith(edge.origin));
  return { browser, callback: page.location ?? (await provider.fillIn(browser, page, user)) };
}

describe("a page of another site", () => {
  it("cannot use the cookie for what changes something, whatever it says", async () => {
    const { browser } = await signedIn(edge, provider.fillIn, "ann");
    const { cookie = "" } = pageHeaders(edge, browser);
    const tries = [
      {},
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "null" },
      // Another port of this machine, whose pages may connect in development: with tokens of their own.
      { origin: "http://127.0.0.1:1", "sec-fetch-site": "same-origin" },
      { origin: "http://localhost:3000" },
    ];
    for (const headers of tries) {
      for (const [method, path] of [
        ["POST", "/api/v1/auth/ticket"],
        ["DELETE", "/api/v1/auth/sessions"],
        ["POST", "/auth/logout"],
      ] as const) {
        const { status } = await fetch(edge.origin + path, { method, headers: { cookie, ...headers } });
        expect({ method, path, headers, status }).toMatchObject({ status: 403 });
      }
    }
    expect((await json(browser, "/api/v1/auth/me")).status).toBe(200);
  });

  it("opens sockets without its visitor's cookie", async () => {
    const { browser } = await signedIn(edge, provider.fillIn, "ann");
    const { cookie = "" } = pageHeaders(edge, browser);
    for (const headers of [{ cookie }, { cookie, origin: "http://localhost:3000" }]) {
      const client = await connectClient(edge.url, { headers });
      client.send({ type: "subscribe", conversation_id: "c_by_cookie" });
      expect(await client.next("error")).toMatchObject({ code: "AUTH_REQUIRED" });
      client.close();
    }
    await expect(connectClient(edge.url, { headers: { cookie, origin: "https://evil.example.org" } })).rejects.toThrow(
      "403",
    );
  });
});

it("an old cookie keeps nobody out who has a token, and says so to whoever has none", async () => {
  const headers = { cookie: `parley_session=${"x".repeat(43)}`, origin: edge.origin };
  const client = await connectClient(edge.url, { headers });
  expect(await client.next("error")).toMatchObject({
    code: "AUTH_EXPIRED",
    error: "The sign-in has ended. Sign in again.",
  });
  client.send({ type: "auth", token: await tokenOf("bob") });
  expect(await client.next("auth_success")).toMatchObject({ user: { id: "bob" } });
  client.close();
  expect((await fetch(`${edge.origin}/api/v1/auth/me`, { headers })).status).toBe(401);
});

it("a token that a page sends first of all counts before the cookie that came by itself; later it must be of the same user", async () => {
  const { browser } = await signedIn(edge, provider.fillIn, "ann");
  const client = await connectClient(edge.url, { headers: pageHeaders(edge, browser) });
  await client.next("auth_success");
  client.send({ type: "auth", token: await tokenOf("bob") });
  expect(await client.next("auth_success")).toMatchObject({ user: { id: "bob" } });
  client.close();
  const other = await connectClient(edge.url, { headers: pageHeaders(edge, browser) });
  other.send({ type: "message", id: "m2", conversation_id: "c_of_ann", message: "hello" });
  await other.next("accepted");
  other.send({ type: "auth", token: await tokenOf("bob") });
  expect(await other.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
  expect(await other.closed).toBe(4500);
});
