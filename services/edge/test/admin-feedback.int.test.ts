import { randomBytes } from "node:crypto";
import { createMay, RightsByRole } from "@parley/protocol";
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

beforeAll(async () => {
  gates = await createGateWorld();
  const sharedSecret = { secret: jwtSecret, rules: { roles: { claim: ["groups"] } } };
  edge = await gates.addEdge({
    edge: { tokens: startTokens({ sharedSecret, registry: createMetrics({ service: "edge" }), log }) },
  });
  await edge.bus.audit.setUp();
  const registry = createMetrics({ service: "edge" });
  const operators = createAdminRoutes({ adminToken, registry, log });
  const { routes } = operators;
  admin = await startAdmin({ host: "127.0.0.1", port: 0, registry, ready: edge.problems, routes, log });
  const may = createMay(
    RightsByRole.parse({ curator: { actions: ["service:feedback"] }, auditor: { actions: ["service:audit"] } }),
  );
  operators.open({ ...edge, may, audit: edge.bus.audit });
  for (const [i, conversation] of ["c_f1", "c_f2", "c_f3"].entries()) await rate(conversation, i);
});
afterAll(async () => {
  await admin.close();
  await gates[Symbol.asyncDispose]();
});

async function rate(conversation_id: string, i: number): Promise<void> {
  const turn_id = `t${i}`;
  const common = { v: 1, conversation_id, turn_id, status: "complete", ts: Date.now() } as const;
  const question = { ...common, message_id: `${turn_id}-u`, author: { role: "user" }, message: `question ${i}` };
  const answer = { ...common, message_id: `${turn_id}-a`, author: { role: "assistant" }, message: "x".repeat(600) };
  await gates.world.bus.transcripts.append(question);
  await gates.world.bus.transcripts.append(answer);
  const rating = i === 1 ? "down" : "up";
  const said = { message_id: answer.message_id, turn_id, user_id: "ann", rating, comment: `comment ${i}` } as const;
  await edge.bus.feedback.give(conversation_id, said, () => Promise.resolve({ agent: "general", model: "small" }));
}

interface Answer {
  readonly status: number;
  readonly body: { readonly feedback: object[]; readonly next?: string; readonly last?: string };
}

async function ask(query = "", token = adminToken): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${admin.port}/admin/feedback${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

it("gives pages of what was said, and with the last place what has changed since", async () => {
  const first = (await ask("?limit=2")).body;
  expect(first.feedback).toMatchObject([
    { conversation_id: "c_f1", message_id: "t0-a", rating: "up", comment: "comment 0", agent: "general" },
    { conversation_id: "c_f2", turn_id: "t1", rating: "down", model: "small", user_id: "ann" },
  ]);
  const second = (await ask(`?limit=2&after=${first.next}`)).body;
  expect(second.feedback).toMatchObject([{ conversation_id: "c_f3" }]);
  expect((await ask(`?after=${second.last}`)).body.feedback).toEqual([]);
  await edge.bus.feedback.give(
    "c_f1",
    { message_id: "t0-a", turn_id: "t0", user_id: "ann", rating: "up", comment: "better" },
    () => Promise.resolve({}),
  );
  expect((await ask(`?after=${second.last}`)).body.feedback).toMatchObject([{ comment: "better" }]);
});

it("filters by rating and time, and leaves out what was taken back or deleted", async () => {
  expect((await ask("?rating=down")).body.feedback).toMatchObject([{ conversation_id: "c_f2" }]);
  expect((await ask(`?since_ms=${Date.now() + 60_000}`)).body.feedback).toEqual([]);
  await rate("c_f4", 4);
  const taken = { message_id: "t4-a", turn_id: "t4", user_id: "ann", rating: null };
  await edge.bus.feedback.give("c_f4", taken, () => Promise.resolve({}));
  await rate("c_f5", 5);
  await edge.bus.feedback.bury("c_f5");
  expect(JSON.stringify((await ask()).body)).not.toMatch(/c_f4|c_f5/);
});

it("gives the beginnings of question and answer only where that is asked for, which stands in the audit log", async () => {
  expect(JSON.stringify((await ask()).body)).not.toContain("question 1");
  const { feedback } = (await ask("?texts=1&rating=down")).body;
  expect(feedback).toMatchObject([{ question: "question 1", answer: "x".repeat(500) }]);
  await eventually(
    async () => {
      const { records } = await edge.bus.audit.page({ limit: 10, matches: ({ action }) => action === "feedback" });
      return records[0]?.entry.user?.id === "admin token";
    },
    { what: "the entry" },
  );
});

it("P9: is for who has the admin token or the right service:feedback, and for nobody else", async () => {
  expect((await ask("", await signToken("olga", { groups: ["curator"] }))).status).toBe(200);
  expect((await ask("", await signToken("otto", { groups: ["auditor"] }))).status).toBe(403);
  expect((await ask("", await signToken("ann"))).status).toBe(403);
  expect((await ask("", "nonsense")).status).toBe(401);
});

it.each(["limit=0", "limit=201", "after=x", "after=1.", "rating=sideways", "texts=2", "unknown=1"])(
  "refuses %s with a sentence",
  async (query) => {
    expect(await ask(`?${query}`)).toMatchObject({ status: 400, body: { error: expect.stringContaining("request") } });
  },
);
