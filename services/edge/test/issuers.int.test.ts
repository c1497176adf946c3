import { createLogger, createMetrics } from "@parley/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Issuer } from "../src/admission/issuer-tokens.ts";
import { keySetTimes, type KeySetTimes } from "../src/admission/key-set.ts";
import { startTokens, type Tokens } from "../src/admission/tokens.ts";
import { createWorld, jwtSecret, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { claimsOf, createIssuerKey, startKeyServer, type IssuerKey, type KeyServer } from "./support/issuer-server.ts";
import { connectClient } from "./support/test-client.ts";
import { issuerAt, issuerUrl } from "./support/token-fixture.ts";

const Line = z.looseObject({ msg: z.string() });
const lines: z.infer<typeof Line>[] = [];
const log = createLogger({
  service: "test",
  level: "debug",
  format: "json",
  destination: { write: (line) => void lines.push(Line.parse(JSON.parse(line))) },
});

let world: World;
let server: KeyServer;
let key: IssuerKey;
let edge: EdgeUnderTest;
let tokens: Tokens;

const rules = { tenant: { fixed: "acme" }, roles: { claim: ["groups"], names: { g1: "operator" } } };

function makers(times: Partial<KeySetTimes> = {}): Tokens {
  const corp: Issuer = issuerAt(server.url, { isPrimary: false, rules });
  const registry = createMetrics({ service: "edge" });
  const sharedSecret = { secret: jwtSecret };
  return startTokens({ sharedSecret, issuers: [corp], times: { ...keySetTimes, ...times }, registry, log });
}

beforeAll(async () => {
  [world, key] = [await createWorld(), await createIssuerKey("RS256", "key-1")];
  server = await startKeyServer(key);
  tokens = makers({ coolDownMs: 600_000 });
  edge = await world.addEdge({ tokens, log });
});
afterAll(async () => {
  tokens.close();
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe("a socket", () => {
  it("of an issuer's user stands beside one of the same subject at another: neither sees the other's", async () => {
    const [ours, theirs] = [await connectClient(edge.url), await connectClient(edge.url)];
    ours.send({ type: "auth", token: await tokenOf("ann") });
    theirs.send({ type: "auth", token: await key.sign(claimsOf(issuerUrl)) });
    expect((await ours.next("auth_success")).user).toEqual({ id: "ann" });
    expect((await theirs.next("auth_success")).user).toEqual({ id: "~corp~ann" });
    ours.send({ type: "message", id: "m1", conversation_id: "c_two_anns", message: "hello" });
    await ours.next("accepted");
    theirs.send({ type: "subscribe", conversation_id: "c_two_anns" });
    expect(await theirs.next("error")).toMatchObject({ code: "FORBIDDEN" });
    theirs.send({ type: "message", id: "m1", conversation_id: "c_their_ann", message: "hello" });
    await theirs.next("accepted");
    expect(await world.bus.owners.ownerOf("c_their_ann")).toMatchObject({ userId: "~corp~ann" });
    ours.close();
    theirs.close();
  });

  it("does not change its user to the same subject of another issuer", async () => {
    const client = await world.connect(edge, "ann");
    client.send({ type: "auth", token: await key.sign(claimsOf(issuerUrl)) });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    expect(await client.closed).toBe(4500);
  });

  it("leaves a line in the log that says whose it is, of which tenant and in which roles", async () => {
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token: await key.sign(claimsOf(issuerUrl, { sub: "cat", groups: ["g1", "g2"] })) });
    await client.next("auth_success");
    const line = lines.find(({ msg, user }) => msg === "a token was accepted" && user === "~corp~cat");
    expect(line).toMatchObject({ issuer: "corp", tenant: "acme", roles: ["operator"], level: "debug" });
    client.close();
  });

  it("whose issuer's keys are not at hand is told to come again, not that its token is bad", async () => {
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token: await key.sign(claimsOf(issuerUrl), { kid: "key-2" }) });
    expect(await client.next("auth_error")).toEqual({
      type: "auth_error",
      message: "This token cannot be checked at the moment. Try again shortly.",
      code: "AUTH_UNAVAILABLE",
    });
    expect(await client.closed).toBe(4006);
  });
});

describe("an HTTP request", () => {
  it("of an issuer's user is served", async () => {
    const authorization = `Bearer ${await key.sign(claimsOf(issuerUrl))}`;
    const { status } = await ask(edge, "GET", "/api/v1/conversations/c_their_ann/messages", {
      headers: { authorization },
    });
    expect(status).toBe(200);
  });

  it("whose issuer's keys are not at hand is answered with 503 and when to come again", async () => {
    const authorization = `Bearer ${await key.sign(claimsOf(issuerUrl), { kid: "key-2" })}`;
    const { status, headers, body } = await ask(edge, "GET", "/api/v1/conversations", { headers: { authorization } });
    expect([status, body.code, body.retryable]).toEqual([503, "AUTH_UNAVAILABLE", true]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(600);
  });
});

it("an issuer whose keys were never had stops nothing: it is a note beside a status that is good", async () => {
  server.behave((_request, response) => void response.writeHead(503).end());
  const without = makers({ firstRetryMs: 20, coolDownMs: 50 });
  const other = await world.addEdge({ tokens: without });
  try {
    const note =
      /^The keys of the issuer corp cannot be had, so none of its tokens is accepted\. .*: it answers with status 503\.$/;
    const health = async () => (await ask(other, "GET", "/health", { user: null })).body;
    await expect.poll(health).toMatchObject({ status: "ok", notes: [expect.stringMatching(note)] });
    const client = await world.connect(other, "bob");
    server.publish(key);
    await expect.poll(async () => (await health()).notes).toBeUndefined();
    client.close();
  } finally {
    without.close();
  }
});
