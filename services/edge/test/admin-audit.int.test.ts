import { randomBytes } from "node:crypto";
import { createMay, RightsByRole, type AuditEntry } from "@parley/protocol";
import { createMetrics, startAdmin } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTokens } from "../src/admission/tokens.ts";
import { createAdminRoutes } from "../src/transport/admin-routes.ts";
import { jwtSecret, log } from "./support/edge-fixture.ts";
import { createGateWorld, signToken, type GatedEdge, type GateWorld } from "./support/gate-world.ts";

const adminToken = randomBytes(32).toString("hex");

let gates: GateWorld;
let edge: GatedEdge;
let admin: Awaited<ReturnType<typeof startAdmin>>;
const registry = createMetrics({ service: "edge" });

beforeAll(async () => {
  gates = await createGateWorld();
  const sharedSecret = { secret: jwtSecret, rules: { roles: { claim: ["groups"] } } };
  edge = await gates.addEdge({
    edge: { tokens: startTokens({ sharedSecret, registry: createMetrics({ service: "edge" }), log }) },
  });
  await edge.bus.audit.setUp();
  const operators = createAdminRoutes({ adminToken, registry, log });
  const { routes } = operators;
  admin = await startAdmin({ host: "127.0.0.1", port: 0, registry, ready: edge.problems, routes, log });
  const may = createMay(
    RightsByRole.parse({ reviser: { actions: ["service:audit"] }, clerk: { actions: ["service:read"] } }),
  );
  operators.open({ ...edge, may, audit: edge.bus.audit });
});
afterAll(async () => {
  await admin.close();
  await gates[Symbol.asyncDispose]();
});

type Page = { status: number; body: { entries: (AuditEntry & { seq: number; at: string })[]; before?: number } };

async function ask(path: string, body?: object, token: string | null = adminToken): Promise<Page> {
  const response = await fetch(`http://127.0.0.1:${admin.port}/admin/${path}`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Page["body"] };
}

it("what an operator does stands in the audit log, with by whom, on whom and why", async () => {
  const block = { kind: "address", id: "203.0.113.1", reason: "a flood" };
  expect((await ask("block", block)).status).toBe(200);
  const token = await signToken("olaf", { groups: ["operator"] });
  expect((await ask("lift", { kind: "address", id: "203.0.113.1", reason: "it is over" }, token)).status).toBe(200);
  const entries = await eventually(
    async () => {
      const { body } = await ask("audit?kind=admin");
      return body.entries.length === 2 ? body.entries : undefined;
    },
    { what: "both entries" },
  );
  const on = { kind: "address", id: "203.0.113.1" };
  expect(entries).toMatchObject([
    { action: "lift", user: { id: "olaf" }, on, reason: "it is over" },
    { action: "block", user: { id: "admin token" }, on, reason: "a flood" },
  ]);
});

it("gives pages, newest first, of what somebody looks for", async () => {
  for (let i = 0; i < 5; i++) {
    const call = {
      conversation_id: "c_pages",
      turn_id: "t",
      call_id: `t-${i}`,
      tool: "k8s_scale",
      user: { id: "ann" },
    };
    await edge.bus.audit.write({ v: 1, kind: "decided", writer: "a test", ...call }, `page-${i}`);
  }
  const first = (await ask("audit?conversation=c_pages&tool=k8s_*&user=ann&limit=3")).body;
  expect(first.entries.map(({ call_id }) => call_id)).toEqual(["t-4", "t-3", "t-2"]);
  expect(Date.parse(first.entries[0]?.at ?? "")).toBeGreaterThan(Date.now() - 60_000);
  const second = (await ask(`audit?conversation=c_pages&limit=3&before=${first.before}`)).body;
  expect(second.entries.map(({ call_id }) => call_id)).toEqual(["t-1", "t-0"]);
  expect((await ask("audit?conversation=c_pages&since_ms=99999999999999")).body.entries).toEqual([]);
});

it("is for who has the admin token or the right service:audit, and for nobody else", async () => {
  for (const [groups, status] of [
    [["operator"], 200],
    [["reviser"], 200],
    [["clerk"], 403],
    [[], 403],
  ] as const)
    expect([groups, (await ask("audit", undefined, await signToken("bert", { groups }))).status]).toEqual([
      groups,
      status,
    ]);
  expect((await ask("audit", undefined, null)).status).toBe(401);
});

it.each(["limit=0", "limit=501", "kind=other", "before=x", "page=2"])("says what is wrong with ?%s", async (query) => {
  expect((await ask(`audit?${query}`)).status).toBe(400);
});
