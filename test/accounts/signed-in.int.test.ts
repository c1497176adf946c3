import { connectionTokens, openSealedTokens } from "@parley/bus";
import { freePort } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import type { Browser } from "../../services/edge/test/support/browser.ts";
import { createWorld, type World } from "../../services/edge/test/support/edge-fixture.ts";
import { startRealProvider, type RealProvider } from "../../services/edge/test/support/real-provider.ts";
import { createRedisWorld, type RedisWorld } from "../../services/edge/test/support/redis.ts";
import {
  addSignInEdge,
  pageHeaders,
  signedIn,
  type SignInEdge,
} from "../../services/edge/test/support/sign-in-fixture.ts";
import { accountClient, startAccountProvider } from "./account-provider.ts";
import { accountKey } from "./accounts-world.ts";

let world: World;
let redis: RedisWorld;
let people: RealProvider;
let accounts: Awaited<ReturnType<typeof startAccountProvider>>;
let edge: SignInEdge;

const resource = "https://tickets.example/mcp";

beforeAll(async () => {
  [world, redis] = [await createWorld(), await createRedisWorld()];
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  people = await startRealProvider([`${origin}/auth/callback`]);
  accounts = await startAccountProvider({ origins: [origin], resource });
  const { authorize_url: authorizeUrl, token_url: tokenUrl, scope } = accounts.oauth;
  const server = { name: "tickets", url: resource, authorizeUrl, tokenUrl, scope, resource };
  const client = { clientId: accountClient.id, clientSecret: accountClient.secret };
  const records = await openSealedTokens(world.bus, { place: connectionTokens });
  edge = await addSignInEdge(world, {
    ...{ redis: await redis.connect(), issuer: people.issuer, port },
    accounts: { servers: [{ ...server, ...client }], key: accountKey, origin, records },
  });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await people[Symbol.asyncDispose]();
  await accounts[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const Listed = z.object({ connections: z.array(z.object({ connected: z.boolean() })) });

/** Begins in a browser in which somebody is signed in; goes on in another one, until it is sent back. */
async function begin(browser: Browser, goesOn: Browser, account: string): Promise<string> {
  const begun = await browser.request(`${edge.origin}/api/v1/connections/tickets`, {
    method: "POST",
    headers: { origin: edge.origin, "sec-fetch-site": "same-origin" },
  });
  const page = await goesOn.open(String(JSON.parse(begun.text).url), (url) => url.startsWith(edge.origin));
  return page.location ?? (await accounts.fillIn(goesOn, page, account));
}

async function isConnected(browser: Browser): Promise<boolean> {
  const response = await fetch(`${edge.origin}/api/v1/connections`, { headers: pageHeaders(edge, browser) });
  return Listed.parse(await response.json()).connections.some(({ connected }) => connected);
}

it("an account is connected where its person is signed in, also in another of their browsers", async () => {
  const [{ browser }, { browser: second }] = [
    await signedIn(edge, people.fillIn, "ann"),
    await signedIn(edge, people.fillIn, "ann"),
  ];
  const callback = await begin(browser, second, "ann-at-tickets");
  expect((await second.request(callback)).text).toContain("is connected");
  expect(await isConnected(browser)).toBe(true);
});

it("nobody gets the account of somebody who is signed in and follows their link", async () => {
  const [{ browser: mallory }, { browser: victim }] = [
    await signedIn(edge, people.fillIn, "mallory"),
    await signedIn(edge, people.fillIn, "victim"),
  ];
  const page = await victim.request(await begin(mallory, victim, "victim-at-tickets"));
  expect([page.status, page.text]).toEqual([403, expect.stringContaining("somebody else is signed in here")]);
  expect([await isConnected(mallory), await isConnected(victim)]).toEqual([false, false]);
});

it("a page of another site begins and ends nothing with a visitor's sign-in", async () => {
  const { browser } = await signedIn(edge, people.fillIn, "cleo");
  for (const method of ["POST", "DELETE"]) {
    const headers = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    const page = await browser.request(`${edge.origin}/api/v1/connections/tickets`, { method, headers });
    expect([page.status, page.setCookies]).toEqual([403, []]);
  }
});

it("the cookie that a browser gets is for no script, and none but this site", async () => {
  const { browser } = await signedIn(edge, people.fillIn, "dora");
  const begun = await browser.request(`${edge.origin}/api/v1/connections/tickets`, {
    method: "POST",
    headers: { origin: edge.origin },
  });
  expect(begun.setCookies).toEqual([
    expect.stringMatching(/^parley_connect=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/),
  ]);
});
