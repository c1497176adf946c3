import { closeCodes } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricOf, tokenOf, type EdgeUnderTest } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { attempt, createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";
import { connectClient } from "./support/test-client.ts";

/** Opens a socket and shows a token; closes it again. Returns the code with which it was closed before that. */
async function signIn(edge: EdgeUnderTest, user: string): Promise<number | "open"> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf(user) });
  const shown = client.next("auth_success").then(() => "open" as const);
  const answer = await Promise.race([client.closed, shown]);
  shown.catch(() => {
    // It was closed.
  });
  client.close();
  return answer;
}

/** The status with which an upgrade is answered; what is opened is closed again. */
async function tried(edge: EdgeUnderTest, client: { readonly headers: Record<string, string> }): Promise<number> {
  const { status, socket } = await attempt(edge, client);
  socket.terminate();
  return status;
}

describe("sockets", () => {
  let world: LimitedWorld;

  beforeAll(async () => {
    world = await createLimitedWorld();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const from = (client: string) => ({ headers: { "x-forwarded-for": client } });
  const behindProxy = { whence: { trusted: ["127.0.0.0/8"], exempt: [] } };

  it("of one address are counted on all edges together, and refused before the upgrade; one that closes makes room", async () => {
    const rows = { sockets_per_address: 6 };
    const [one, other] = [await world.limited(rows, behindProxy), await world.limited(rows, behindProxy)];
    const open = [];
    for (let i = 0; i < 5; i++) open.push(await attempt(one, from("203.0.113.1")));
    expect((await attempt(other, from("203.0.113.1"))).status).toBe(101);
    await eventually(async () => (await tried(other, from("203.0.113.1"))) === 429, { what: "refused there" });
    const refused = await attempt(other, from("203.0.113.1"));
    expect(refused).toMatchObject({ status: 429, code: "RATE_LIMITED", retryAfter: 10 });
    await eventually(async () => (await tried(one, from("203.0.113.1"))) === 429, { what: "refused here" });
    expect((await attempt(other, from("203.0.113.2"))).status).toBe(101);
    for (const { socket } of open) socket.close();
    await eventually(async () => (await tried(other, from("203.0.113.1"))) === 101, { what: "room again" });
  });

  it("of one user are counted on all edges together; one too many is told so and closed, and the others stay", async () => {
    const rows = { sockets_per_user: 4 };
    const [one, other] = [await world.limited(rows), await world.limited(rows)];
    const open = [];
    for (let i = 0; i < 3; i++) open.push(await world.connect(one, "dora"));
    open.push(await world.connect(other, "dora"));
    await eventually(async () => (await signIn(other, "dora")) === closeCodes.tooManyConnections, { what: "refused" });
    expect(await refusalsBy(other, "sockets_per_user")).toBeGreaterThan(0);
    for (const client of open) {
      client.send({ type: "ping" });
      await client.next("pong");
    }
    for (const client of open) client.close();
    await eventually(async () => (await signIn(one, "dora")) === "open", { what: "room again" });
  });

  it("of one user include requests that wait for an answer", async () => {
    const edge = await world.limited({ sockets_per_user: 1 });
    await world.connect(edge, "emil");
    const { status, body } = await ask(edge, "POST", "/api/v1/chat", { user: "emil", body: { message: "hello" } });
    expect([status, body.code]).toEqual([429, "RATE_LIMITED"]);
  });

  it("that show no token are no more than the process, and an address, may have; each that signs in makes room", async () => {
    const edge = await world.limited({ opening_sockets: 3, opening_sockets_per_address: 2 }, behindProxy);
    const first = await attempt(edge, from("203.0.113.1"));
    expect((await attempt(edge, from("203.0.113.1"))).status).toBe(101);
    expect(await attempt(edge, from("203.0.113.1"))).toMatchObject({ status: 429, code: "RATE_LIMITED" });
    expect((await attempt(edge, from("203.0.113.2"))).status).toBe(101);
    expect(await attempt(edge, from("203.0.113.3"))).toMatchObject({ status: 503, code: "OVERLOADED", retryAfter: 5 });
    expect(await metricOf(edge, "parley_edge_opening_sockets")).toBe(3);
    first.socket.terminate();
    await eventually(async () => (await metricOf(edge, "parley_edge_opening_sockets")) === 2, { what: "one less" });
    const signed = await attempt(edge, { ...from("203.0.113.3"), user: "fred" });
    await eventually(async () => (await metricOf(edge, "parley_edge_opening_sockets")) === 2, { what: "signed in" });
    expect((await attempt(edge, from("203.0.113.4"))).status).toBe(101);
    signed.socket.close();
  });

  it("look at no more conversations than one may, also where no limit applies", async () => {
    const edge = await world.limited(
      { subscriptions_per_socket: 2 },
      { whence: { trusted: [], exempt: ["127.0.0.1"] } },
    );
    const client = await world.connect(edge, "gina");
    for (const id of ["one", "two", "three"]) client.send({ type: "message", id, message: id });
    expect([await client.next("accepted"), await client.next("accepted")]).toHaveLength(2);
    const { code, retryable } = await client.next("error");
    expect([code, retryable]).toEqual(["QUOTA_EXCEEDED", false]);
    expect(await refusalsBy(edge, "subscriptions_per_socket")).toBe(1);
  });
});
