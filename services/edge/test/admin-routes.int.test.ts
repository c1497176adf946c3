import { randomBytes } from "node:crypto";
import { createLogger, createMetrics, startAdmin } from "@parley/runtime";
import { RightsByRole, createMay } from "@parley/protocol";
import { eventually, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTokens } from "../src/admission/tokens.ts";
import type { AdminParts } from "../src/transport/admin-endpoint.ts";
import { createAdminRoutes } from "../src/transport/admin-routes.ts";
import { jwtSecret, log } from "./support/edge-fixture.ts";
import { connectCache, createGateWorld, signToken, type GatedEdge, type GateWorld } from "./support/gate-world.ts";
import { connectClient } from "./support/test-client.ts";

const adminToken = randomBytes(32).toString("hex");

let gates: GateWorld;
let redisServer: Broker;
let redis: ReturnType<typeof connectCache>;
let edge: GatedEdge;
let admin: Awaited<ReturnType<typeof startAdmin>>;
const registry = createMetrics({ service: "edge" });
const lines: Record<string, unknown>[] = [];
let operators: ReturnType<typeof createAdminRoutes>;
let parts: AdminParts;
let whileStarting: number;

/** Reads roles from the claim `groups`. */
function tokensWithRoles() {
  const rules = { roles: { claim: ["groups"] } };
  const sharedSecret = { secret: jwtSecret, rules };
  return startTokens({ sharedSecret, registry: createMetrics({ service: "edge" }), log });
}

function loggerThatKeeps() {
  const keep = (fields: object, message: string): unknown => lines.push({ ...fields, message });
  return Object.assign(createLogger({ service: "test", level: "silent", format: "json" }), { info: keep, warn: keep });
}

beforeAll(async () => {
  [gates, redisServer] = [await createGateWorld(), await startRedis({ persist: false })];
  redis = connectCache(redisServer.url);
  await eventually(() => redis.status === "ready", { what: "Redis" });
  edge = await gates.addEdge({ redis, edge: { tokens: tokensWithRoles() } });
  operators = createAdminRoutes({ adminToken, registry, log: loggerThatKeeps() });
  const { routes } = operators;
  admin = await startAdmin({ host: "127.0.0.1", port: 0, registry, ready: edge.problems, routes, log });
  whileStarting = (await ask("status")).status;
  const may = createMay(RightsByRole.parse({ clerk: { actions: ["service:read"] } }));
  parts = { ...edge, may, audit: edge.bus.audit };
  operators.open(parts);
});
afterAll(async () => {
  await admin.close();
  await gates[Symbol.asyncDispose]();
  redis.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

// oxlint-disable-next-line typescript/no-explicit-any
type Answer = { status: number; body: any };

async function ask(path: string, body?: object, token: string | null = adminToken): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${admin.port}/admin/${path}`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

const block = { kind: "address", id: "203.0.113.1", reason: "a flood" };

describe("the admin endpoints", () => {
  it("say so while the process starts", () => {
    expect(whileStarting).toBe(503);
  });

  it("block an address as it is counted, however it is written, and nothing that is none", async () => {
    for (const id of ["2001:db8::5", "2001:DB8::/64", "::ffff:203.0.113.9"]) {
      expect((await ask("block", { ...block, id })).status).toBe(200);
    }
    expect(edge.gate.blockedUntil("2001:db8::/64")).toBeGreaterThan(Date.now());
    expect(edge.gate.blockedUntil("203.0.113.9")).toBeGreaterThan(Date.now());
    for (const id of ["2001:db8::9", "203.0.113.9"]) {
      expect((await ask("lift", { ...block, id })).body).toEqual({ lifted: true });
    }
    for (const id of ["an address", "10.0.0.0/8", "203.0.113.9/64"]) {
      expect((await ask("block", { ...block, id })).status).toBe(400);
    }
    expect(await edge.gate.blocks()).toEqual([]);
  });

  it("list, block and lift", async () => {
    expect(await ask("block", { ...block, for_s: 60 })).toMatchObject({ status: 200, body: { shared: true } });
    expect((await ask("blocks")).body).toMatchObject({
      total: 1,
      blocks: [{ kind: "address", id: "203.0.113.1", by: "admin token", reason: "a flood", nth: 0 }],
    });
    expect(edge.gate.blockedUntil("203.0.113.1")).toBeLessThan(Date.now() + 61_000);
    expect((await ask("lift", { ...block, reason: "a mistake" })).body).toEqual({ lifted: true });
    expect((await ask("blocks")).body).toEqual({ total: 0, blocks: [] });
  });

  it.each([
    ["an IPv6 address", "2001:0db8:1:2::5", "2001:db8:1:2::/64"],
    ["an IPv6 network as it is listed", "2001:db8:1:2::/64", "2001:db8:1:2::/64"],
    ["an IPv4 address as an IPv6 one", "::ffff:203.0.113.9", "203.0.113.9"],
  ])("block and lift %s as it is counted", async (_, id, counted) => {
    expect((await ask("block", { ...block, id })).body).toMatchObject({ block: { id: counted } });
    expect(edge.gate.blockedUntil(counted)).toBeGreaterThan(Date.now());
    expect((await ask("lift", { ...block, id, reason: "over" })).body).toEqual({ lifted: true });
  });

  it("revoke and reinstate", async () => {
    const thing = { what: "session", id: "s-9", user: "anna" };
    const { body } = await ask("revoke", { ...thing, until_ms: Date.now() + 3_600_000, reason: "lost" });
    expect(body).toMatchObject({ cancelled: 0, revocation: { ...thing, by: "admin token", reason: "lost" } });
    expect((await ask("revocations")).body).toMatchObject({ total: 1, revocations: [thing] });
    expect((await ask("status")).body).toMatchObject({ revocations: 1, notes: [] });
    expect((await ask("reinstate", { ...thing, reason: "found" })).body).toEqual({ reinstated: true });
    expect((await ask("revocations")).body).toEqual({ total: 0, revocations: [] });
  });

  it.each([
    ["an unknown kind", "block", { ...block, kind: "planet" }],
    ["no reason", "block", { kind: "user", id: "anna" }],
    ["a misspelt field", "revoke", { what: "user", id: "anna", reason: "x", untilms: 1 }],
    ["a cancel of more than a user", "revoke", { what: "token", id: "t", reason: "x", cancel: true }],
    ["a block of a year", "block", { ...block, for_s: 366 * 86_400 }],
    ["a block of what is no address", "block", { ...block, id: "203.0.113" }],
    ["a block of a range", "block", { ...block, id: "203.0.113.0/24" }],
    [
      "a time in seconds",
      "revoke",
      { what: "user", id: "anna", reason: "x", before_ms: Math.floor(Date.now() / 1_000) },
    ],
    ["what is over already", "revoke", { what: "session", id: "s", reason: "x", until_ms: Date.now() - 1_000 }],
  ])("refuse %s with 400 and change nothing", async (_, path, body) => {
    const { status, body: answer } = await ask(path, body);
    expect([status, typeof answer.error]).toEqual([400, "string"]);
    expect([await edge.gate.blocks(), edge.gate.revocations()]).toEqual([[], []]);
  });

  it("write down who did what to whom and why, and count it; what was only asked is not", async () => {
    lines.length = 0;
    await ask("block", block);
    await ask("blocks");
    await ask("lift", { ...block, reason: "over" });
    expect(lines).toEqual([
      {
        audit: true,
        by: "admin token",
        action: "block",
        on: { kind: "address", id: "203.0.113.1" },
        reason: "a flood",
        message: "an operator did something",
      },
      {
        audit: true,
        by: "admin token",
        action: "lift",
        on: { kind: "address", id: "203.0.113.1" },
        reason: "over",
        message: "an operator did something",
      },
    ]);
    const metric = await registry.getSingleMetric("parley_edge_admin_actions_total")?.get();
    expect(metric?.values.find(({ labels }) => labels["action"] === "lift")?.value).toBeGreaterThan(0);
  });
});

describe("whoever asks", () => {
  it.each([
    ["without a credential", () => null, 401],
    ["with another token", () => `${adminToken.slice(1)}0`, 401],
    ["with a part of it", () => adminToken.slice(0, -1), 401],
    ["as a user without the role", () => signToken("anna"), 403],
    ["as somebody who may only look", () => signToken("cleo", { groups: ["clerk"] }), 403],
  ])("%s is refused, and that is written down", async (_, tokenOf, status) => {
    lines.length = 0;
    expect((await ask("block", block, await tokenOf())).status).toBe(status);
    expect(await edge.gate.blocks()).toEqual([]);
    expect(lines).toEqual([expect.objectContaining({ audit: true, action: "block" })]);
    expect(JSON.stringify(lines)).not.toContain(adminToken.slice(8, -8));
  });

  it("has the right role does what it allows, under their own name", async () => {
    expect((await ask("blocks", undefined, await signToken("cleo", { groups: ["clerk"] }))).status).toBe(200);
    const operator = await signToken("olga", { groups: ["operator"] });
    expect((await ask("block", block, operator)).body.block).toMatchObject({ by: "olga" });
    expect((await ask("lift", { ...block, reason: "over" }, operator)).status).toBe(200);
  });

  it("was revoked is no operator any more", async () => {
    const token = await signToken("olaf", { groups: ["operator"], jti: "olaf-1" });
    expect((await ask("blocks", undefined, token)).status).toBe(200);
    await edge.gate.revoke({ what: "token", id: "olaf-1", by: "a test" });
    expect((await ask("blocks", undefined, token)).status).toBe(401);
  });
});

it("an edge that is drained sends everybody away and takes nobody new, and lives on", async () => {
  const drained = await gates.addEdge({ redis });
  operators.open({ ...drained, may: createMay(RightsByRole.parse({})), audit: drained.bus.audit });
  const client = await connectClient(drained.url);
  await client.next("welcome");
  expect((await ask("drain", {})).body).toEqual({ sent_away: 1, left: 0 });
  expect([await client.closed, drained.problems()]).toEqual([
    4001,
    ["This process was drained: it takes nothing new."],
  ]);
  await expect(connectClient(drained.url)).rejects.toThrow();
  expect((await ask("status")).body.sockets).toBe(0);
  operators.open(parts);
});
