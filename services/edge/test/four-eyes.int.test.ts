import type { AuditRecord } from "@parley/bus";
import { RightsByRole, callIdOf, createMay, type Caller } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openGate } from "../src/admission/gate.ts";
import { startTokens } from "../src/admission/tokens.ts";
import { createWorld, jwtSecret, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, type Asked } from "./support/http-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";
import { askFor, tool, type Asking, type WaitingTurn } from "./support/waiting-turn.ts";

/** Whose credentials were revoked. */
const keptOut = new Set<string>();
let world: World;
let edge: EdgeUnderTest;
let ann: TestClient;

beforeAll(async () => {
  world = await createWorld();
  const rules = { roles: { claim: ["groups"] }, tenant: { claim: ["org"] } };
  const sharedSecret = { secret: jwtSecret, rules };
  const tokens = startTokens({ sharedSecret, registry: createMetrics({ service: "edge" }), log });
  const gate = { ...openGate, isCallerRevoked: ({ user }: Caller) => keptOut.has(user.id) };
  edge = await world.addEdge({ tokens, gate, may: createMay(RightsByRole.parse({})) });
});
afterAll(() => world[Symbol.asyncDispose]());

interface Person {
  readonly name: string;
  readonly org?: string;
  readonly groups?: readonly string[];
}
const annOfAcme: Person = { name: "ann", org: "acme" };
const olga: Person = { name: "olga", org: "acme", groups: ["approver"] };

function tokenOf({ name, org, groups = [] }: Person): Promise<string> {
  return new SignJWT({ groups, ...(org === undefined ? {} : { org }) })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(name)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(Buffer.from(jwtSecret));
}

async function as(person: Person, method: string, path: string, body?: object): Promise<Asked> {
  const headers = { authorization: `Bearer ${await tokenOf(person)}` };
  return ask(edge, method, path, { user: null, headers, ...(body === undefined ? {} : { body }) });
}

async function connect(person: Person): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf(person) });
  await client.next("auth_success");
  return client;
}

/** A question, with the entry of the audit log that the tool worker writes of it. */
async function question(asking: Asking = {}, person = annOfAcme): Promise<WaitingTurn> {
  ann = await connect(person);
  const waiting = await askFor(world, ann, asking);
  await ann.next("waiting");
  const { conversation_id, turn_id, call_id } = waiting;
  const place = { conversation_id, turn_id, call_id, user: { id: person.name }, tool: tool.tool_name };
  const tenant = person.org === undefined ? {} : { tenant: person.org };
  await world.bus.audit.write({ v: 1, kind: "asked", writer: "a test", ...place, ...tenant }, `asked.${call_id}`);
  return waiting;
}

const pathOf = ({ conversation_id, call_id }: WaitingTurn): string =>
  `/api/v1/conversations/${conversation_id}/approvals/${call_id}`;
const decide = (person: Person, waiting: WaitingTurn, body: object = { approved: true }): Promise<Asked> =>
  as(person, "POST", pathOf(waiting), body);

async function callsListedFor(person: Person): Promise<string[]> {
  const { status, body } = await as(person, "GET", "/api/v1/approvals");
  expect(status).toBe(200);
  return body.approvals.map(({ call_id }: { call_id: string }) => call_id);
}

async function decisionsOf({ call_id }: WaitingTurn): Promise<AuditRecord["entry"][]> {
  const { records } = await world.bus.audit.page({
    ...{ limit: 10, matches: (entry) => entry.kind === "decided" && entry.call_id === call_id },
  });
  return records.map(({ entry }) => entry);
}

it("whoever asked cannot agree where four eyes are demanded, also as an approver; to say no they can", async () => {
  const waiting = await question({ four_eyes: true });
  for (const person of [annOfAcme, { ...annOfAcme, groups: ["approver"] }]) {
    const refused = await decide(person, waiting);
    expect(refused).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
    expect(refused.body.error).toMatch(/somebody else/i);
  }
  ann.send({ type: "approve", conversation_id: waiting.conversation_id, call_id: waiting.call_id, approved: true });
  expect(await ann.next("error")).toMatchObject({ code: "FORBIDDEN", frame: "approve", call_id: waiting.call_id });
  expect(await decide(annOfAcme, waiting, { approved: false })).toMatchObject({
    status: 200,
    body: { approved: false },
  });
});

it("somebody of the tenant who approves for others agrees, and everybody who looks is told who it was", async () => {
  const waiting = await question({ four_eyes: true, confirm: "scale" });
  expect((await decide(olga, waiting)).status).toBe(400);
  const typed = { approved: true, confirm: "scale", reason: "as planned" };
  expect(await decide(olga, waiting, typed)).toMatchObject({ status: 200, body: { by: { id: "olga" } } });
  expect(await ann.next("approval_decided")).toMatchObject({
    approved: true,
    by: { id: "olga" },
    reason: "as planned",
  });
  expect(await decisionsOf(waiting)).toMatchObject([
    {
      user: { id: "olga" },
      tenant: "acme",
      roles: ["approver"],
      approved: true,
      four_eyes: true,
      tool: tool.tool_name,
    },
  ]);
});

it("an approver decides on what demands no four eyes as well, and whose conversation it is as ever", async () => {
  const [one, other] = [await question(), await question()];
  expect((await decide(olga, one)).status).toBe(200);
  expect((await decide(annOfAcme, other)).status).toBe(200);
});

it.each([
  ["of another tenant", { name: "otto", org: "other", groups: ["approver"] }],
  ["without the right", { name: "otto", org: "acme" }],
  ["of the same name in another tenant", { name: "ann", org: "other" }],
  ["an operator of the service", { name: "otto", org: "acme", groups: ["operator"] }],
])("nobody %s decides, nor sees what is asked", async (_who, person: Person) => {
  const waiting = await question();
  expect((await decide(person, waiting)).status).toBe(403);
  expect((await decide(person, waiting, { approved: false })).status).toBe(403);
  expect((await as(person, "GET", pathOf(waiting))).status).toBe(403);
  const list = await as(person, "GET", "/api/v1/approvals");
  const isApprover = person.groups?.includes("approver") === true;
  expect([list.status, list.body.approvals]).toEqual(isApprover ? [200, []] : [403, undefined]);
  expect((await as(person, "GET", "/api/v1/auth/me")).body.approves).toBe(isApprover);
});

it("to approve for others opens nothing else of their conversations", async () => {
  const { conversation_id: id, turn_id, call_id } = await question();
  const path = `/api/v1/conversations/${id}`;
  for (const [method, rest, body] of [
    ["GET", "/messages"],
    ["GET", `/results/${call_id}`],
    ["DELETE", ""],
    ["POST", "/cancel", {}],
    ["PUT", "/title", { title: "mine" }],
    ["DELETE", `/queue/${turn_id}`],
  ] as const)
    expect([rest, (await as(olga, method, `${path}${rest}`, body)).status]).toEqual([rest, 403]);
  const client = await connect(olga);
  client.send({ type: "subscribe", conversation_id: id });
  expect(await client.next("error")).toMatchObject({ code: "FORBIDDEN" });
  client.close();
});

it("lists what waits, newest first, until it is decided, cancelled or over, and shows one of them whole", async () => {
  const org = { org: "listers" };
  const [asker, approver] = [
    { ...annOfAcme, ...org },
    { ...olga, ...org },
  ];
  const waiting: WaitingTurn[] = [];
  for (let i = 0; i < 4; i++) waiting.push(await question({ four_eyes: true, text: `question ${i}` }, asker));
  const ids = waiting.map(({ call_id }) => call_id);
  expect(await callsListedFor(approver)).toEqual(ids.toReversed());
  const { body } = await as(approver, "GET", "/api/v1/approvals?limit=1");
  expect(body.approvals).toEqual([
    {
      ...{ conversation_id: waiting[3]?.conversation_id, turn_id: waiting[3]?.turn_id, call_id: ids[3] },
      ...{ tool_name: tool.tool_name, summary: "Scales it to 3.", four_eyes: true, user: { id: "ann" } },
      ...{ asked_at: expect.any(Number), expires_at: expect.any(Number) },
    },
  ]);
  const [first, second, third] = waiting;
  if (first === undefined || second === undefined || third === undefined) throw new Error("there are four");
  expect((await as(approver, "GET", pathOf(first))).body).toMatchObject({
    ...{ call_id: first.call_id, preview: { kind: "diff", text: "- 1\n+ 3" }, arguments: tool.arguments },
  });
  await decide(approver, first);
  expect((await as(approver, "GET", pathOf(first))).body.decision).toMatchObject({
    approved: true,
    by: { id: "olga" },
  });
  await as(asker, "POST", `/api/v1/conversations/${second.conversation_id}/cancel`, {});
  // By somebody whose entry the audit log does not have: the fact counts.
  const { conversation_id, turn_id, call_id } = third;
  const by = { conversation_id, turn_id, call_id, ts: Date.now(), hash: "h" };
  await world.bus.facts.write({ kind: "decided", v: 1, ...by, approved: false, expired: true });
  await eventually(async () => (await callsListedFor(approver)).length === 1, { what: "the others to go" });
  expect(await callsListedFor(approver)).toEqual([ids[3]]);
  expect((await as(approver, "GET", "/api/v1/approvals?limit=51")).status).toBe(400);
});

it("a question that only says that it was asked is nobody's to see", async () => {
  const call_id = callIdOf("t_unknown", 0, 0);
  const entry = { v: 1, kind: "asked", writer: "a test", tenant: "acme", conversation_id: "c_forged" } as const;
  await world.bus.audit.write({ ...entry, turn_id: "t_unknown", call_id }, "forged");
  expect(await callsListedFor(olga)).not.toContain(call_id);
  expect((await as(olga, "GET", `/api/v1/conversations/c_forged/approvals/${call_id}`)).status).toBe(404);
});

it("nobody agrees for somebody who was revoked since they asked, and nobody is shown what they asked for; it can be denied", async () => {
  const lost = { ...annOfAcme, name: "lost", org: "losers" };
  const approver = { ...olga, org: "losers" };
  const waiting = await question({ four_eyes: true }, lost);
  expect(await callsListedFor(approver)).toEqual([waiting.call_id]);
  keptOut.add("lost");
  expect(await callsListedFor(approver)).toEqual([]);
  expect((await decide(approver, waiting)).body).toMatchObject({ code: "FORBIDDEN" });
  expect((await decide(approver, waiting, { approved: false })).body).toMatchObject({ approved: false });
});

it("a decision that is told again is one entry of the audit log, and one that came too late says so", async () => {
  const waiting = await question();
  for (let i = 0; i < 3; i++) await decide(annOfAcme, waiting, { approved: false, reason: "no" });
  expect(await decisionsOf(waiting)).toMatchObject([{ approved: false, user: { id: "ann" } }]);
  const late = await question({ ttlMs: -10_000 });
  expect((await decide(annOfAcme, late)).body.code).toBe("APPROVAL_EXPIRED");
  expect(await decisionsOf(late)).toMatchObject([{ approved: true, expired: true }]);
});
