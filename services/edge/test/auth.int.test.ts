import { limits } from "@parley/protocol";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWorld, jwtSecret, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { connectClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
/** Its clients have little time. */
let hasty: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  hasty = await world.addEdge({ deadlines: { authMs: 300, anonymousMs: 4_000, warnMs: 60_000, graceMs: 0 } });
});
afterAll(() => world[Symbol.asyncDispose]());

function forge(claims: Record<string, unknown>, secret = jwtSecret, alg = "HS256"): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

const inAnHour = Math.floor(Date.now() / 1_000) + 3_600;

describe("a socket", () => {
  it("is welcomed with what a client must know", async () => {
    const client = await connectClient(edge.url);
    expect(await client.next("welcome")).toMatchObject({ auth_required: true, max_message_bytes: 32_768 });
    client.close();
  });

  it("is authenticated by an `auth` frame", async () => {
    const client = await connectClient(edge.url);
    const token = await forge({ sub: "ann", name: "Ann", email: "ann@example.org", exp: inAnHour });
    client.send({ type: "auth", token });
    expect(await client.next("auth_success")).toMatchObject({
      user: { id: "ann", name: "Ann", email: "ann@example.org" },
      expires_at: inAnHour * 1_000,
    });
    client.close();
  });

  it("is authenticated by a token in the address", async () => {
    const client = await connectClient(`${edge.url}?token=${await tokenOf("ann")}`);
    expect(await client.next("auth_success")).toMatchObject({ user: { id: "ann" } });
    client.close();
  });

  it("is authenticated by a token among the subprotocols, which is not selected", async () => {
    const client = await connectClient(edge.url, { protocols: ["parley.v1", `bearer.${await tokenOf("ann")}`] });
    expect(await client.next("auth_success")).toMatchObject({ user: { id: "ann" } });
    client.close();
  });

  it("may say nothing before that, and stays open", async () => {
    const client = await connectClient(edge.url);
    client.send({ type: "message", id: "early", message: "hello" });
    expect(await client.next("error")).toMatchObject({ code: "AUTH_REQUIRED", id: "early" });
    client.send({ type: "ping" });
    await client.next("pong");
    client.send({ type: "auth", token: await tokenOf("ann") });
    await client.next("auth_success");
    client.close();
  });

  it("is closed when no token comes in time, whatever else it sends", async () => {
    const client = await connectClient(hasty.url);
    client.send({ type: "ping" });
    expect(await client.closed).toBe(4008);
  });
});

describe("a token", () => {
  it.each([
    ["signed with another secret", { sub: "ann", exp: inAnHour }, "another-secret-of-thirty-two-bytes"],
    ["without a user", { exp: inAnHour }, jwtSecret],
    ["with an empty user", { sub: "", exp: inAnHour }, jwtSecret],
    ["with too long a user", { sub: "x".repeat(129), exp: inAnHour }, jwtSecret],
    ["that never runs out", { sub: "ann" }, jwtSecret],
    ["that is for refreshing", { sub: "ann", exp: inAnHour, type: "refresh" }, jwtSecret],
  ])("%s is refused and ends the socket for good", async (_what, claims, secret) => {
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token: await forge(claims, secret) });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    expect(await client.closed).toBe(4500);
  });

  it("that is too long is answered at once", async () => {
    const token = `${await forge({ sub: "ann", exp: inAnHour })}${"x".repeat(limits.accessTokenChars)}`;
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token });
    const answer = { code: "AUTH_INVALID", message: "The token is longer than 16384 characters." };
    expect(await client.next("auth_error")).toMatchObject(answer);
    expect(await client.closed).toBe(4500);
  });

  it.each([1e300, inAnHour * 1_000])("that runs out at %d is taken for one of a year", async (exp) => {
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token: await forge({ sub: "ann", exp }) });
    const { expires_at } = await client.next("auth_success");
    const leftMs = expires_at - Date.now();
    expect(leftMs).toBeGreaterThan(364 * 86_400_000);
    expect(leftMs).toBeLessThanOrEqual(366 * 86_400_000);
    client.close();
  });

  it("with another algorithm is refused", async () => {
    const client = await connectClient(edge.url);
    const header = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    const claims = Buffer.from(JSON.stringify({ sub: "ann", exp: inAnHour })).toString("base64url");
    client.send({ type: "auth", token: `${header}.${claims}.` });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    const other = await connectClient(edge.url);
    other.send({ type: "auth", token: await forge({ sub: "ann", exp: inAnHour }, jwtSecret.repeat(2), "HS512") });
    expect(await other.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
  });

  it("that has run out is refused, but a new one is worth a reconnect", async () => {
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token: await forge({ sub: "ann", exp: inAnHour - 7_200 }) });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_EXPIRED" });
    expect(await client.closed).toBe(4004);
  });

  it("that runs out soon is announced, then ends the socket", async () => {
    const client = await connectClient(hasty.url);
    client.send({ type: "auth", token: await tokenOf("ann", 2_000) });
    await client.next("auth_success");
    const { expires_in_ms } = await client.next("auth_expiring");
    expect(expires_in_ms).toBeLessThanOrEqual(2_000);
    expect(await client.closed).toBe(4004);
  });

  it.each([
    ["forward", 3_600_000],
    ["back", -3_600_000],
  ])("that was accepted is not measured by a clock that jumps an hour %s afterwards", async (_direction, jumpMs) => {
    const short = await forge({ sub: "ann", exp: Math.floor(Date.now() / 1_000) + 3 });
    const [client, other] = [await connectClient(hasty.url), await connectClient(hasty.url)];
    for (const [one, token] of [[client, short] as const, [other, await tokenOf("ann")] as const]) {
      one.send({ type: "auth", token });
      await one.next("auth_success");
    }
    const now = Date.now.bind(Date);
    const jumped = vi.spyOn(Date, "now").mockImplementation(() => now() + jumpMs);
    try {
      expect(await client.closed).toBe(4004);
      other.send({ type: "ping" });
      expect(await other.next("pong")).toMatchObject({ type: "pong" });
    } finally {
      jumped.mockRestore();
      other.close();
    }
  });

  it("of the same user extends the socket; of another one ends it", async () => {
    const client = await connectClient(hasty.url);
    client.send({ type: "auth", token: await tokenOf("ann", 30_000) });
    const first = await client.next("auth_success");
    await client.next("auth_expiring");
    client.send({ type: "auth", token: await tokenOf("ann") });
    expect((await client.next("auth_success")).expires_at).toBeGreaterThan(first.expires_at);
    client.send({ type: "auth", token: await tokenOf("bob") });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    expect(await client.closed).toBe(4500);
  });
});

describe("a frame", () => {
  it.each([
    ["is not JSON", "{", "INVALID_FRAME"],
    ["is not an object", "[]", "INVALID_FRAME"],
    ["is of an unknown type", '{"type":"dance"}', "INVALID_FRAME"],
    ["names a conversation that cannot be one", '{"type":"subscribe","conversation_id":"a.b"}', "INVALID_FRAME"],
    ["is too large", JSON.stringify({ type: "ping", padding: "x".repeat(65 * 1024) }), "MESSAGE_TOO_LARGE"],
    [
      "decides in a conversation that there is not",
      '{"type":"approve","conversation_id":"c","call_id":"k","approved":true}',
      "NOT_FOUND",
    ],
  ])("that %s is refused, and the socket stays open", async (_what, text, code) => {
    const client = await world.connect(edge);
    client.sendText(text);
    expect(await client.next("error")).toMatchObject({ code });
    client.send({ type: "ping" });
    await client.next("pong");
  });

  it("that is not valid ends the socket when there have been twenty", async () => {
    const client = await world.connect(edge);
    for (let i = 0; i < 20; i++) client.sendText("nonsense");
    expect(await client.closed).toBe(4501);
  });

  it("is one of very many that nobody waits for: the socket ends", async () => {
    const client = await world.connect(edge);
    for (let i = 0; i < 450; i++) client.send({ type: "message", id: `m${i}`, message: "x" });
    expect(await client.closed).toBe(4501);
  });
});
