import type { ServerResponse } from "node:http";
import { createLogger } from "@parley/runtime";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createBrowser, type Page } from "./support/browser.ts";
import { createWorld, type World } from "./support/edge-fixture.ts";
import { createIssuerKey } from "./support/issuer-server.ts";
import { startOwnProvider, type OwnProvider } from "./support/own-provider.ts";
import { createRedisWorld, type RedisWorld } from "./support/redis.ts";
import { addSignInEdge, type SignInEdge } from "./support/sign-in-fixture.ts";

const lines: string[] = [];
const log = createLogger({
  service: "test",
  level: "debug",
  format: "json",
  destination: { write: (line) => void lines.push(line) },
});

let world: World;
let redisWorld: RedisWorld;
let provider: OwnProvider;
let edge: SignInEdge;

beforeAll(async () => {
  [world, redisWorld, provider] = [await createWorld(), await createRedisWorld(), await startOwnProvider()];
  const redis = await redisWorld.connect();
  const oidcTimes = { metadataMs: 0, requestSeconds: 1 };
  edge = await addSignInEdge(world, { redis, issuer: provider.issuer, log, oidcTimes });
});
afterEach(() => {
  const { behaviour } = provider;
  Object.assign(behaviour, { user: "ann", claims: {}, skewSeconds: 0, instead: {}, published: [behaviour.key] });
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await redisWorld[Symbol.asyncDispose]();
});

/** What a person sees in the end, and whether the browser is signed in. */
async function signIn(): Promise<Page & { readonly isSignedIn: boolean }> {
  const browser = createBrowser();
  const page = await browser.open(`${edge.origin}/auth/login`, (url) => url === `${edge.origin}/`);
  return { ...page, isSignedIn: browser.cookies.has("parley_session") };
}

const refused = { status: 401, isSignedIn: false };
const away = { status: 503, isSignedIn: false };

describe("a sign-in", () => {
  it("succeeds where the provider keeps the rules", async () => {
    expect(await signIn()).toMatchObject({ status: 302, isSignedIn: true });
  });

  it.each([
    ["of another sign-in (nonce)", { nonce: "another" }],
    ["without a nonce", { nonce: undefined }],
    ["for another client", { aud: "another" }],
    ["of another issuer", { iss: "https://elsewhere.example.org" }],
    ["that has run out", { exp: 1_000 }],
    ["without a subject", { sub: undefined }],
    ["whose subject looks like another issuer's user", { sub: "~other~ann" }],
  ])("with an ID token %s is refused", async (_what, claims) => {
    provider.behaviour.claims = claims;
    const page = await signIn();
    expect(page).toMatchObject(refused);
    expect(page.text).toContain('<a href="/auth/login">Sign in again</a>');
  });

  it("with an ID token that is signed with another key of the same name is refused", async () => {
    const { behaviour } = provider;
    behaviour.published = [await createIssuerKey("RS256", "own-1")];
    expect(await signIn()).toMatchObject(refused);
  });

  it("with an algorithm that the configuration does not name is refused", async () => {
    const { behaviour } = provider;
    const before = behaviour.key;
    behaviour.key = await createIssuerKey("ES256", "own-ec");
    behaviour.published = [behaviour.key];
    expect(await signIn()).toMatchObject(refused);
    expect(lines.join("")).toContain("its ID token is signed with another algorithm than the configuration names");
    Object.assign(behaviour, { key: before });
  });

  it.each([
    [4, { status: 302, isSignedIn: true }],
    [-4, { status: 302, isSignedIn: true }],
    // Its tokens, good for five minutes, have run out before they are made.
    [-310, refused],
  ])("at a provider whose clock is %d s ahead", async (skewSeconds, expected) => {
    provider.behaviour.skewSeconds = skewSeconds;
    expect(await signIn()).toMatchObject(expected);
  });

  it("goes on without a pause when the provider has taken other keys", async () => {
    const { behaviour } = provider;
    for (const kid of ["own-2", "own-3"]) {
      behaviour.key = await createIssuerKey("RS256", kid);
      behaviour.published = [behaviour.key];
      expect(await signIn()).toMatchObject({ status: 302, isSignedIn: true });
    }
  });

  it.each([
    ["the token", "/token"],
    ["the keys", "/jwks"],
  ])("says that the provider is away when it has trouble with %s", async (_what, path) => {
    for (const instead of [trouble, silence]) {
      provider.behaviour.instead = { [path]: instead };
      expect(await signIn()).toMatchObject(away);
    }
  });

  it("goes on with what the provider has said of itself before", async () => {
    for (const instead of [trouble, silence]) {
      provider.behaviour.instead = { "/.well-known/openid-configuration": instead };
      expect(await signIn()).toMatchObject({ status: 302, isSignedIn: true });
    }
  });

  it("says that the provider is away when nobody answers, and works when it is back", async () => {
    await provider.stop();
    const fresh = await addSignInEdge(world, { redis: await redisWorld.connect(), issuer: provider.issuer });
    const page = await createBrowser().open(`${fresh.origin}/auth/login`);
    expect(page).toMatchObject({ status: 503 });
    expect(page.text).toContain("The sign-in service cannot be reached at the moment.");
    await provider.start();
    expect(await signIn()).toMatchObject({ status: 302, isSignedIn: true });
  });

  it("is refused where the provider names itself otherwise", async () => {
    const other = await addSignInEdge(world, { redis: await redisWorld.connect(), issuer: `${provider.issuer}/` });
    expect((await createBrowser().open(`${other.origin}/auth/login`)).status).toBe(503);
  });
});

const trouble = (_request: unknown, response: ServerResponse): void => {
  response.writeHead(500, { "content-type": "application/json" }).end('{"error":"server_error"}');
};
const silence = (): void => {};

it("leaves no code, token or cookie in the log, however it ends", async () => {
  const canary = "canary-3f9a71";
  provider.behaviour.claims = { nonce: canary, jti: canary };
  expect(await signIn()).toMatchObject(refused);
  provider.behaviour.claims = { jti: canary, name: "Ann" };
  const browser = createBrowser();
  const page = await browser.open(`${edge.origin}/auth/login`, (url) => url.startsWith(edge.origin));
  const { searchParams } = new URL(page.location ?? "");
  const pending = browser.cookies.get("parley_sign_in") ?? "";
  await browser.request(page.location ?? "");
  const session = browser.cookies.get("parley_session") ?? "";
  await browser.request(
    `${edge.origin}/auth/callback?code=${canary}&state=${canary}&error=${canary}&error_description=${canary}`,
  );
  const secrets = [canary, searchParams.get("code") ?? "", searchParams.get("state") ?? "", pending, session];
  expect(secrets.every((secret) => secret.length > 8)).toBe(true);
  const all = lines.join("");
  expect(all).toContain("a sign-in was refused");
  expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
});
