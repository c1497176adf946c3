import { createHash } from "node:crypto";
import { nanos } from "@nats-io/transport-node";
import { limits, streams } from "@parley/protocol";
import { eventually, startTcpProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTokens, type Tokens } from "../src/admission/tokens.ts";
import { createMetrics } from "@parley/runtime";
import { jwtSecret, log, type EdgeUnderTest } from "./support/edge-fixture.ts";
import { createGateWorld, signToken, type GatedEdge, type GateWorld } from "./support/gate-world.ts";
import { ask, openStream } from "./support/http-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let gates: GateWorld;
let one: GatedEdge;
let other: GatedEdge;

beforeAll(async () => {
  gates = await createGateWorld();
  [one, other] = [await gates.addEdge(), await gates.addEdge()];
});
afterAll(() => gates[Symbol.asyncDispose]());

const by = "a test";
const badToken = 4500;

async function comeIn(edge: EdgeUnderTest, token: string): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token });
  await client.next("auth_success");
  return client;
}

async function isRefused(edge: EdgeUnderTest, token: string): Promise<boolean> {
  const { status } = await withToken(edge, token);
  return status === 401;
}

const withToken = (edge: EdgeUnderTest, token: string) =>
  ask(edge, "GET", "/api/v1/conversations", { user: null, headers: { authorization: `Bearer ${token}` } });

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await promise;
  expect(performance.now() - begun).toBeLessThan(ms);
  return result;
}

const longAgo = (): number => Date.now() - 60_000;

describe("what is revoked at one edge", () => {
  it("closes the user's sockets on all edges within a second, and no other's", async () => {
    const token = await signToken("anna", { issuedMs: longAgo() });
    const clients = [await comeIn(one, token), await comeIn(other, token)];
    const bert = await comeIn(other, await signToken("bert", { issuedMs: longAgo() }));
    await one.gate.revoke({ what: "user", id: "anna", by });
    expect(await within(1_000, Promise.all(clients.map(({ closed }) => closed)))).toEqual([badToken, badToken]);
    for (const edge of [one, other]) expect(await isRefused(edge, token)).toBe(true);
    bert.send({ type: "ping" });
    await bert.next("pong");
    bert.close();
  });

  it("is the user's old credentials only: who signs in anew is let in", async () => {
    await one.gate.revoke({ what: "user", id: "carl", beforeMs: longAgo(), by });
    expect(await isRefused(one, await signToken("carl", { issuedMs: longAgo() - 1_000 }))).toBe(true);
    const client = await comeIn(one, await signToken("carl"));
    client.close();
  });

  it("is one sign-in of a user, and not another's of the same name", async () => {
    const [mine, same, othersOwn] = await Promise.all([
      signToken("dora", { sid: "s1" }),
      signToken("dora", { sid: "s2" }),
      signToken("emil", { sid: "s1" }),
    ]);
    const client = await comeIn(other, mine);
    await one.gate.revoke({ what: "session", id: "s1", user: "dora", by });
    expect(await within(1_000, client.closed)).toBe(badToken);
    expect(await Promise.all([mine, same, othersOwn].map((token) => isRefused(other, token)))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each([
    ["its name", { jti: "token-1" }, () => "token-1"],
    ["its hash", { jti: "token-2" }, (token: string) => createHash("sha256").update(token).digest("base64url")],
  ])("is a single token by %s, also one that is remembered", async (_, claims, idOf) => {
    const token = await signToken("fred", claims);
    const sibling = await signToken("fred", { jti: "another" });
    const [client, second] = [await comeIn(other, token), await comeIn(other, sibling)];
    await one.gate.revoke({ what: "token", id: idOf(token), by });
    expect(await within(1_000, client.closed)).toBe(badToken);
    expect([await isRefused(other, token), await isRefused(other, sibling)]).toEqual([true, false]);
    second.close();
  });

  it("ends streams and waiting requests with an error that says so", async () => {
    const token = await signToken("gina", { issuedMs: longAgo() });
    const headers = { authorization: `Bearer ${token}` };
    const stream = await openStream(one, {
      user: null,
      headers,
      body: { message: "hello", conversation_id: "c_gina" },
    });
    expect(await stream.next()).toMatchObject({ event: "accepted" });
    const waiting = ask(one, "POST", "/api/v1/chat", {
      user: null,
      headers,
      body: { message: "hello", conversation_id: "c_gina_2" },
    });
    await eventually(() => one.sockets() >= 2, { what: "both requests" });
    await other.gate.revoke({ what: "user", id: "gina", by });
    expect((await within(1_000, stream.rest())).at(-1)).toMatchObject({
      event: "error",
      frame: { code: "AUTH_INVALID", error: "The session was ended.", retryable: false },
    });
    expect(await waiting).toMatchObject({ status: 401, body: { code: "AUTH_INVALID" } });
  });

  it("is known to an edge that starts later, until it is taken back on all", async () => {
    const token = await signToken("hugo", { jti: "hugo-1" });
    await one.gate.revoke({ what: "token", id: "hugo-1", by, reason: "lost laptop" });
    const later = await gates.addEdge();
    expect(await isRefused(later, token)).toBe(true);
    expect(later.gate.revocations()[0]).toMatchObject({ id: "hugo-1", by, reason: "lost laptop" });
    expect(await later.gate.reinstate({ what: "token", id: "hugo-1" }, { by })).toBe(true);
    await eventually(async () => !(await isRefused(one, token)), { what: "the token is good again", timeoutMs: 1_000 });
    expect(await one.gate.reinstate({ what: "token", id: "hugo-1" }, { by })).toBe(false);
    const fresh = await gates.openGate();
    expect(fresh.revocations().map(({ id }) => id)).not.toContain("hugo-1");
  });

  it("is never made shorter by an edge whose clock is behind", async () => {
    const beforeMs = Date.now();
    await one.gate.revoke({ what: "user", id: "ida", beforeMs, by });
    const again = await other.gate.revoke({ what: "user", id: "ida", beforeMs: beforeMs - 3_600_000, untilMs: 1, by });
    expect(again.before_ms).toBe(beforeMs);
    expect(again.until_ms).toBeGreaterThan(beforeMs + limits.revocationMs / 2);
  });
});

/** Checks tokens as late as the test says. */
function slowTokens(until: Promise<void>): { tokens: Tokens; asked: Promise<void> } {
  const tokens = startTokens({
    sharedSecret: { secret: jwtSecret },
    registry: createMetrics({ service: "edge" }),
    log,
  });
  let ask = (): void => undefined;
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const verify: Tokens["verify"] = async (token) => {
    const identity = await tokens.verify(token);
    ask();
    await until;
    return identity;
  };
  return { tokens: { ...tokens, verify }, asked };
}

describe("while somebody comes in", () => {
  it("what is revoked during the check of the token is refused", async () => {
    let goOn = (): void => undefined;
    const { tokens, asked } = slowTokens(new Promise((resolve) => (goOn = resolve)));
    const edge = await gates.addEdge({ edge: { tokens } });
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token: await signToken("jens", { jti: "jens-1" }) });
    await asked;
    await one.gate.revoke({ what: "token", id: "jens-1", by });
    await eventually(() => edge.gate.revocations().some(({ id }) => id === "jens-1"), { what: "the revocation" });
    goOn();
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    expect(await client.closed).toBe(badToken);
  });

  it("a request whose body comes after the revocation does nothing", async () => {
    const token = await signToken("kurt", { jti: "kurt-1" });
    let send = (_: string): void => undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from('{"message":"hello",'));
        send = (rest) => {
          controller.enqueue(Buffer.from(rest));
          controller.close();
        };
      },
    });
    const init = {
      method: "POST",
      body,
      duplex: "half" as const,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    };
    const asking = fetch(`http://127.0.0.1:${one.port}/api/v1/chat`, init);
    await eventually(async () => !(await isRefused(one, token)), { what: "the token is good" });
    await one.gate.revoke({ what: "token", id: "kurt-1", by });
    send('"conversation_id":"c_kurt"}');
    expect((await asking).status).toBe(401);
    expect(await gates.world.bus.turns.waiting("c_kurt")).toEqual([]);
  });
});

describe("an edge that cannot ask the broker", () => {
  it("goes on with what it knows, says so, and knows the rest within a second of being back", async () => {
    await using proxy = await startTcpProxy({ targets: [gates.world.nats.port] });
    const cut = await gates.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}` });
    await one.gate.revoke({ what: "user", id: "lena", by });
    await eventually(() => cut.gate.revocations().some(({ id }) => id === "lena"), { what: "the first one" });
    const client = await comeIn(cut, await signToken("mona", { issuedMs: longAgo() }));
    proxy.sever();
    await one.gate.revoke({ what: "user", id: "mona", by });
    const [note] = await eventually(() => cut.gate.notes().length > 0 && cut.gate.notes(), {
      what: "a note",
      timeoutMs: 20_000,
    });
    expect(note).toMatch(/^What was revoked in the last \d+ s may not be known here: the broker does not answer\.$/);
    expect((await ask(cut, "GET", "/health", { user: null })).body.notes).toEqual([expect.stringMatching(/^What was/)]);
    expect(await isRefused(cut, await signToken("lena", { issuedMs: longAgo() }))).toBe(true);
    proxy.heal();
    await eventually(() => cut.bus.connected(), { what: "the connection" });
    expect(await within(1_000, client.closed)).toBe(badToken);
    await eventually(() => cut.gate.notes().length === 0, { what: "no note" });
  });
});

describe("the stream of revocations", () => {
  const manager = () => gates.world.bus.nc;
  const api = async (request: string, body: object = {}): Promise<unknown> => {
    const answer = await manager().request(`$JS.API.STREAM.${request}`, JSON.stringify(body), { timeout: 2_000 });
    return JSON.parse(answer.string());
  };

  it.each([
    ["emptied", () => api(`PURGE.${streams.gate}`)],
    [
      "lost and made again",
      async () => {
        await api(`DELETE.${streams.gate}`);
        await new Promise((resolve) => setTimeout(resolve, 1_100));
        await gates.world.bus.gate.setUp();
      },
    ],
  ])("may be %s: what is known goes on to count, and what comes is heard of", async (how, lose) => {
    const [before, after] = [`${how}-1`, `${how}-2`];
    await one.gate.revoke({ what: "token", id: before, by });
    await eventually(() => other.gate.revocations().some(({ id }) => id === before), { what: "the first one" });
    await lose();
    await one.gate.revoke({ what: "token", id: after, by });
    await eventually(() => other.gate.revocations().some(({ id }) => id === after), {
      what: "the second one",
      timeoutMs: 12_000,
    });
    expect(other.gate.revocations().map(({ id }) => id)).toContain(before);
  });

  it("refuses what is too much with a sentence, after it has let go of what has run out", async () => {
    const info = (await api(`INFO.${streams.gate}`)) as { config: object };
    await api(`PURGE.${streams.gate}`);
    await api(`UPDATE.${streams.gate}`, { ...info.config, max_msgs: 2, max_age: nanos(0) });
    const over = { what: "token", id: "over", untilMs: Date.now() - 2 * 86_400_000, by } as const;
    await one.gate.revoke(over);
    await one.gate.revoke({ what: "token", id: "full-1", by });
    await one.gate.revoke({ what: "token", id: "full-2", by });
    await expect(one.gate.revoke({ what: "token", id: "full-3", by })).rejects.toMatchObject({
      code: "OVERLOADED",
      message: expect.stringMatching(/^No more can be revoked/),
    });
    // It is no fault of the broker: the edge stays ready. What is there can be changed.
    expect(one.problems()).toEqual([]);
    await one.gate.revoke({ what: "token", id: "full-2", by, reason: "again" });
    await api(`UPDATE.${streams.gate}`, { ...info.config });
  });
});
