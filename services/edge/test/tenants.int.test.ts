import { connectRedis } from "@parley/bus";
import { sessionConversation } from "@parley/dialects";
import { RightsByRole, createMay } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { signedIn, eventually, startRedis, type Broker } from "@parley/testkit";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTokens } from "../src/admission/tokens.ts";
import { createWorld, jwtSecret, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let redisServer: Broker;
let redis: ReturnType<typeof connectRedis>;

const roles = RightsByRole.parse({
  everybody: { actions: ["conversation:*", "agent:use", "model:use"], agents: ["general"], models: ["small"] },
  engineer: { models: ["large"] },
});

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  const registry = createMetrics({ service: "edge" });
  const rules = { tenant: { claim: ["org"], names: { a: "acme", b: "beta" } }, roles: { claim: ["groups"] } };
  const tokens = startTokens({ sharedSecret: { secret: jwtSecret, rules }, registry, log });
  edge = await world.addEdge({ redis, tokens, may: createMay(roles) });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  redis.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

function tokenIn(org: string, groups: readonly string[] = []): Promise<string> {
  return new SignJWT({ org, groups: [...groups] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("ann")
    .setExpirationTime("1h")
    .sign(Buffer.from(jwtSecret));
}

async function connect(org: string, groups?: readonly string[]): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenIn(org, groups) });
  await client.next("auth_success");
  return client;
}

async function begin(client: TestClient, conversation_id: string): Promise<void> {
  client.send({ type: "message", id: `first of ${conversation_id}`, message: "hello", conversation_id });
  await client.next("accepted");
}

const inTenant = async (org: string) => ({ user: null, headers: { authorization: `Bearer ${await tokenIn(org)}` } });

describe("P9: a person of two tenants", () => {
  it("does not get at what it began in the other one, over a socket or HTTP", async () => {
    const [acme, beta] = [await connect("a"), await connect("b")];
    await begin(acme, "c_of_acme");
    for (const frame of [
      { type: "subscribe" },
      { type: "cancel" },
      { type: "title", title: "mine" },
      { type: "message", id: "second", message: "and?" },
    ]) {
      beta.send({ ...frame, conversation_id: "c_of_acme" });
      expect(await beta.next("error")).toMatchObject({ code: "FORBIDDEN", frame: frame.type });
    }
    const own = await ask(edge, "GET", "/api/v1/conversations/c_of_acme/messages", await inTenant("a"));
    const others = await ask(edge, "GET", "/api/v1/conversations/c_of_acme/messages", await inTenant("b"));
    expect([own.status, others.status, others.body.code]).toEqual([200, 403, "FORBIDDEN"]);
    expect((await ask(edge, "DELETE", "/api/v1/conversations/c_of_acme", await inTenant("b"))).status).toBe(403);
    for (const client of [acme, beta]) client.close();
  });

  it("has a list in each, of what it began there", async () => {
    const [acme, beta] = [await connect("a"), await connect("b")];
    await begin(acme, "c_listed_a");
    await begin(beta, "c_listed_b");
    const listed = async (org: string): Promise<string[]> => {
      const { body } = await ask(edge, "GET", "/api/v1/conversations", await inTenant(org));
      return body.conversations.map(({ conversation_id }: { conversation_id: string }) => conversation_id);
    };
    await eventually(async () => (await listed("b")).includes("c_listed_b"), { what: "the list" });
    expect(await listed("b")).not.toContain("c_listed_a");
    expect(await listed("a")).toContain("c_listed_a");
    for (const client of [acme, beta]) client.close();
  });

  it("means another conversation by the same name of a session", () => {
    expect(sessionConversation("ann", "s", "acme")).not.toBe(sessionConversation("ann", "s", "beta"));
    expect(sessionConversation("ann", "s", "acme")).not.toBe(sessionConversation("ann", "s"));
  });

  it("does not change the tenant of an open socket", async () => {
    const client = await connect("a");
    client.send({ type: "auth", token: await tokenIn("b") });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    expect(await client.closed).toBe(4500);
  });
});

it("P10: an agent or a model is a wish, and is refused to a role that does not have it", async () => {
  const [plain, engineer] = [await connect("a"), await connect("a", ["engineer"])];
  const wish = async (client: TestClient, id: string, more: object) => {
    client.send({ type: "message", id, message: "hello", conversation_id: `c_wish_${id}`, ...more });
    return Promise.race([client.next("accepted"), client.next("error")]);
  };
  expect(await wish(plain, "1", { agent: "general", model: "small" })).toMatchObject({ type: "accepted" });
  expect(await wish(plain, "2", { model: "large" })).toMatchObject({ type: "error", code: "FORBIDDEN" });
  expect(await wish(plain, "3", { agent: "secret" })).toMatchObject({ type: "error", code: "FORBIDDEN" });
  expect(await world.bus.owners.ownerOf("c_wish_3")).toBeUndefined();
  expect(await wish(engineer, "4", { model: "large" })).toMatchObject({ type: "accepted" });
  const [queued] = await world.bus.turns.waiting("c_wish_4");
  expect(queued?.request.caller).toMatchObject({ tenant: "acme", roles: ["engineer"] });
  for (const client of [plain, engineer]) client.close();
});
