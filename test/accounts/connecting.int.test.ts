import { connectionName, connectionTokens, createTokenRecords, openSealedTokens } from "@parley/bus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBrowser } from "../../services/edge/test/support/browser.ts";
import { tokenOf } from "../../services/edge/test/support/edge-fixture.ts";
import { accountKey, startAccountsWorld, type AccountsWorld } from "./accounts-world.ts";

let world: AccountsWorld;
beforeAll(async () => {
  world = await startAccountsWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** What tool workers find. */
async function tokensOf(user: string) {
  const records = await openSealedTokens(world.world.bus, { place: connectionTokens });
  const { name, url, tokenUrl, clientId } = world.server;
  const of = connectionName({ server: name, url, tokenUrl, clientId, user, tenant: undefined });
  return (await createTokenRecords({ records, key: accountKey }, of).read()).tokens;
}

const none = { connections: [{ server: "tickets", connected: false }] };
const connected = { connections: [{ server: "tickets", connected: true, since: expect.any(Number) }] };

describe("an account", () => {
  it("is connected by its person, on whichever edge they come back, and found by tool workers for nobody else", async () => {
    expect(await world.ask("ann", "GET", "")).toEqual({ status: 200, body: none });
    const browser = createBrowser();
    const callback = await world.begin("ann", "ann-at-tickets", browser, world.other);
    const page = await browser.request(callback);
    expect([page.status, page.text]).toEqual([200, expect.stringContaining("Your account at tickets is connected.")]);
    expect(await world.ask("ann", "GET", "", world.other)).toEqual({ status: 200, body: connected });
    expect(await world.ask("bert", "GET", "")).toEqual({ status: 200, body: none });
    const tokens = await tokensOf("ann");
    expect(await world.provider.find(tokens?.access ?? "")).toMatchObject({ accountId: "ann-at-tickets" });
    expect(tokens).toMatchObject({ refresh: expect.any(String), connection: { id: expect.any(String) } });
    expect(await tokensOf("bert")).toBeUndefined();
  });

  it("answers with a page that runs nothing, is in no frame, and says nothing of the code", async () => {
    const browser = createBrowser();
    const response = await fetch(await world.begin("zoe", "zoe-at-tickets", browser), {
      headers: { cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
    expect(await response.text()).not.toMatch(/script|code=|style/);
  });

  it("is another one after its person has connected again", async () => {
    await world.connect("cleo", "first");
    const before = await tokensOf("cleo");
    await world.connect("cleo", "second");
    const after = await tokensOf("cleo");
    expect(await world.provider.find(after?.access ?? "")).toMatchObject({ accountId: "second" });
    expect(after?.connection?.id).not.toBe(before?.connection?.id);
  });

  it("is forgotten, and its tokens are revoked, when its person disconnects it", async () => {
    await world.connect("dora", "dora-at-tickets");
    const tokens = await tokensOf("dora");
    expect((await world.ask("dora", "DELETE", "/tickets")).status).toBe(204);
    expect(await world.ask("dora", "GET", "")).toEqual({ status: 200, body: none });
    expect(await tokensOf("dora")).toBeUndefined();
    expect(await world.provider.find(tokens?.access ?? "")).toBeUndefined();
    expect((await world.ask("dora", "DELETE", "/tickets")).status).toBe(204);
  });

  it("of a server that there is not is not found", async () => {
    expect(await world.ask("ann", "POST", "/others")).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect(await world.ask("ann", "DELETE", "/others")).toMatchObject({ status: 404 });
  });
});

describe("what comes back", () => {
  it("counts once", async () => {
    const browser = createBrowser();
    const callback = await world.begin("ella", "ella-at-tickets", browser);
    const pages = await Promise.all([
      browser.request(callback),
      browser.request(callback.replace(world.origin, world.other)),
    ]);
    expect(pages.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401]);
    expect((await browser.request(callback)).text).toContain("it was used before, took too long");
    expect(await tokensOf("ella")).toBeDefined();
  });

  it("does not count in another browser: nobody gets the account of whoever they send the address to", async () => {
    const mallory = createBrowser();
    const callback = await world.begin("mallory", "victim-at-tickets", mallory);
    const page = await createBrowser().request(callback);
    expect([page.status, page.text]).toEqual([403, expect.stringContaining("not begun in this browser")]);
    expect(await tokensOf("mallory")).toBeUndefined();
    // It is used up, also for who has begun it.
    expect((await mallory.request(callback)).status).toBe(401);
  });

  it("does not count where somebody else is signed in, even in the browser in which it was begun", async () => {
    const browser = createBrowser();
    const callback = await world.begin("fay", "fay-at-tickets", browser);
    const page = await browser.request(callback, { headers: { authorization: `Bearer ${await tokenOf("gus")}` } });
    expect([page.status, page.text]).toEqual([403, expect.stringContaining("somebody else is signed in here")]);
    expect(await tokensOf("fay")).toBeUndefined();
    expect(await tokensOf("gus")).toBeUndefined();
  });

  it.each([
    ["another state", (url: URL) => url.searchParams.set("state", "A".repeat(43)), 401, "Begin again"],
    ["no state", (url: URL) => url.searchParams.delete("state"), 401, "Begin again"],
    ["another code", (url: URL) => url.searchParams.set("code", "stolen"), 401, "tickets did not accept it"],
    ["another issuer", (url: URL) => url.searchParams.set("iss", "https://evil.example"), 401, "did not accept it"],
  ])("with %s is refused", async (_, change, status, sentence) => {
    const browser = createBrowser();
    const url = new URL(await world.begin("hugo", "hugo-at-tickets", browser));
    change(url);
    const page = await browser.request(url.href);
    expect([page.status, page.text]).toEqual([status, expect.stringContaining(sentence)]);
    expect(await tokensOf("hugo")).toBeUndefined();
  });

  it("says so when its person has not allowed it", async () => {
    const browser = createBrowser();
    const url = new URL(await world.begin("ida", "ida-at-tickets", browser));
    url.searchParams.delete("code");
    url.searchParams.set("error", "access_denied");
    expect((await browser.request(url.href)).text).toContain("it was not allowed at tickets");
  });

  it("that was begun for somebody else is of no use to who can write to Redis", async () => {
    const [mine, theirs] = [createBrowser(), createBrowser()];
    const [own, other] = [await world.begin("mallory", "m", mine), await world.begin("josephine", "j", theirs)];
    const redis = await world.redis.connect();
    const keys = await redis.keys("connections:*");
    const values = await Promise.all(keys.map((key) => redis.get(key)));
    await Promise.all(keys.map((key, at) => redis.set(key, values[(at + 1) % keys.length] ?? "")));
    expect(values.join("")).not.toMatch(/mallory|josephine|verifier/);
    expect((await mine.request(own)).status).toBe(401);
    expect((await theirs.request(other)).status).toBe(401);
    expect([await tokensOf("mallory"), await tokensOf("josephine")]).toEqual([undefined, undefined]);
  });
});
