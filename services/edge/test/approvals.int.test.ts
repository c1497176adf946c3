import { jetstreamManager } from "@nats-io/jetstream";
import { streams, subjects, type FactOf } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";
import { askFor, type Asking, type WaitingTurn } from "./support/waiting-turn.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;
let ann: TestClient;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

async function begin(asking?: Asking): Promise<WaitingTurn> {
  ann = await world.connect(edge);
  const waiting = await askFor(world, ann, asking);
  await ann.next("waiting");
  return waiting;
}

function approve({ conversation_id, call_id }: WaitingTurn, more: object = {}) {
  return { type: "approve", conversation_id, call_id, approved: true, ...more };
}

function decidedOf({ conversation_id: conversation, turn_id: turn, call_id: call }: WaitingTurn) {
  return world.bus.facts.read("decided", { conversation, turn, call });
}

async function eventsOf({ conversation_id, turn_id, call_id }: WaitingTurn): Promise<number> {
  const jsm = await jetstreamManager(world.bus.nc);
  const subject = subjects.approvalDecided(0, conversation_id, turn_id, call_id);
  const { state } = await jsm.streams.info(streams.events(0), { subjects_filter: subject });
  return state.subjects?.[subject] ?? 0;
}

it("a decision is a fact with the hash of what was asked, and an event for all who look", async () => {
  const waiting = await begin();
  const device = await world.connect(other);
  device.send({ type: "subscribe", conversation_id: waiting.conversation_id });
  expect(await device.next("snapshot")).toMatchObject({ status: "waiting", tool_calls: [{ approval: {} }] });
  device.send(approve(waiting, { reason: " go\n\u0000\u001b[31m \ud83d" }));
  const told = { call_id: waiting.call_id, approved: true, by: { id: "ann" }, reason: "go [31m \ufffd" };
  expect(await ann.next("approval_decided")).toMatchObject(told);
  expect(await device.next("approval_decided")).toMatchObject(told);
  const { conversation_id: conversation, turn_id: turn, call_id: call } = waiting;
  const asked = await world.bus.facts.read("asked", { conversation, turn, call });
  expect(await decidedOf(waiting)).toMatchObject({ ...told, hash: asked?.kind === "asked" ? asked.hash : "" });
});

it("the same decision of the same person again is no other one", async () => {
  const waiting = await begin();
  const { conversation_id, call_id } = waiting;
  ann.send(approve(waiting, { approved: false, reason: "no" }));
  await ann.next("approval_decided");
  const body = { approved: false, reason: null };
  const again = await ask(other, "POST", `/api/v1/conversations/${conversation_id}/approvals/${call_id}`, { body });
  expect([again.status, again.body]).toMatchObject([
    200,
    { call_id, approved: false, by: { id: "ann" }, reason: "no" },
  ]);
  expect(await eventsOf(waiting)).toBe(1);
});

it("another decision is refused, and says how it was decided", async () => {
  const waiting = await begin();
  ann.send(approve(waiting));
  await ann.next("approval_decided");
  ann.send(approve(waiting, { approved: false }));
  expect(await ann.next("error")).toMatchObject({
    ...{ code: "CONFLICT", frame: "approve", call_id: waiting.call_id },
    error: "It was decided before: agreed to by ann.",
  });
  expect(await decidedOf(waiting)).toMatchObject({ approved: true });
});

it("of two at once one counts, and its event says so", async () => {
  const waiting = await begin();
  const device = await world.connect(other);
  ann.send(approve(waiting));
  device.send(approve(waiting, { approved: false }));
  const { approved } = await ann.next("approval_decided");
  expect(await decidedOf(waiting)).toMatchObject({ approved });
  const refused = approved ? device : ann;
  expect((await refused.next("error")).code).toBe("CONFLICT");
  expect(await eventsOf(waiting)).toBe(1);
});

it("what has to be typed has to be typed by who agrees, not by who denies", async () => {
  const waiting = await begin({ confirm: "prod" });
  for (const confirm of [undefined, "Prod", "prod2"]) {
    ann.send(approve(waiting, { confirm }));
    expect(await ann.next("error")).toMatchObject({ code: "INVALID_FRAME", error: expect.stringContaining('"prod"') });
  }
  expect(await decidedOf(waiting)).toBeUndefined();
  ann.send(approve(waiting, { confirm: "prod" }));
  await ann.next("approval_decided");
  const denied = await begin({ confirm: "prod" });
  ann.send(approve(denied, { approved: false }));
  expect(await ann.next("approval_decided")).toMatchObject({ approved: false });
});

it("who mistypes it often is not sent away", async () => {
  const waiting = await begin({ confirm: "prod" });
  for (let i = 0; i < 25; i++) {
    ann.send(approve(waiting, { confirm: "dev" }));
    await ann.next("error");
  }
  ann.send(approve(waiting, { confirm: "prod" }));
  await ann.next("approval_decided");
});

it("a decision that the broker stored too late is none, by the broker's clock", async () => {
  const waiting = await begin({ ttlMs: -6_000 });
  ann.send(approve(waiting));
  expect((await ann.next("error")).code).toBe("APPROVAL_EXPIRED");
  expect(await ann.next("approval_decided")).toMatchObject({ approved: false, reason: "expired" });
  const { conversation_id, call_id } = waiting;
  const path = `/api/v1/conversations/${conversation_id}/approvals/${call_id}`;
  expect(await ask(other, "POST", path, { body: { approved: false } })).toMatchObject({ status: 410 });
});

it("after the worker wrote that the time was over, nobody decides", async () => {
  const waiting = await begin();
  const { conversation_id, turn_id, call_id } = waiting;
  const over = { approved: false, expired: true, reason: "expired", hash: "h" } as const;
  await waiting.fact({ kind: "decided", v: 1, conversation_id, turn_id, ts: 1, call_id, ...over });
  ann.send(approve(waiting));
  expect((await ann.next("error")).code).toBe("APPROVAL_EXPIRED");
  expect(await ann.next("approval_decided")).toMatchObject({ approved: false, reason: "expired" });
});

it("whoever finds a decision without its event writes it", async () => {
  const waiting = await begin();
  const { conversation_id, turn_id, call_id } = waiting;
  const decided: FactOf<"decided"> = {
    ...{ kind: "decided", v: 1, conversation_id, turn_id, ts: 1, call_id },
    ...{ approved: false, by: { id: "ann" }, reason: "first", hash: "h" },
  };
  await waiting.fact(decided);
  ann.send(approve(waiting, { approved: false }));
  expect(await ann.next("approval_decided")).toMatchObject({ approved: false, reason: "first" });
});

it("a stranger decides nothing", async () => {
  const waiting = await begin();
  const { conversation_id, call_id } = waiting;
  const stranger = await world.connect(edge, "bert");
  stranger.send(approve(waiting));
  expect(await stranger.next("error")).toMatchObject({ code: "FORBIDDEN", call_id });
  const path = `/api/v1/conversations/${conversation_id}/approvals/${call_id}`;
  const refused = await ask(other, "POST", path, { user: "bert", body: { approved: true } });
  expect([refused.status, refused.body.code]).toEqual([403, "FORBIDDEN"]);
  expect((await ask(other, "POST", path, { user: null, body: { approved: true } })).status).toBe(401);
  expect(await decidedOf(waiting)).toBeUndefined();
});

it.each(["whatever", "t-0-7", "t-0-0.decided"])("nobody waits for %s", async (call_id) => {
  const waiting = await begin();
  ann.send(approve({ ...waiting, call_id }));
  expect((await ann.next("error")).code).toBe(call_id.includes(".") ? "INVALID_FRAME" : "NOT_FOUND");
});

it("nothing is decided of a turn that was cancelled", async () => {
  const waiting = await begin();
  ann.send({ type: "cancel", conversation_id: waiting.conversation_id });
  ann.send(approve(waiting));
  expect(await ann.next("error")).toMatchObject({ code: "NOT_FOUND", error: expect.stringContaining("cancelled") });
  expect(await decidedOf(waiting)).toBeUndefined();
});

it("nothing is decided of a turn that has ended", async () => {
  const waiting = await begin();
  await world.worker.take(waiting.conversation_id, waiting.turn_id).complete("Done.");
  ann.send(approve(waiting));
  expect(await ann.next("error")).toMatchObject({ code: "NOT_FOUND", error: expect.stringContaining("ended") });
  expect(await decidedOf(waiting)).toBeUndefined();
});

it("a request that waits for the answer says what that waits for, and gets it when it asks again", async () => {
  const hasty = await world.addEdge({ maxHttpWaitMs: 1_000 });
  const waiting = await begin();
  const [queued] = await world.bus.turns.waiting(waiting.conversation_id);
  const body = { message: "scale it", conversation_id: waiting.conversation_id, id: queued?.request.id };
  const given = await ask(hasty, "POST", "/api/v1/chat", { body });
  expect(given).toMatchObject({ status: 504, body: { code: "MODEL_TIMEOUT", retryable: true } });
  expect(given.body.error).toContain(`waits for a person's word on the call ${waiting.call_id}`);
  const again = ask(edge, "POST", "/api/v1/chat", { body });
  await world.worker.take(waiting.conversation_id, waiting.turn_id).complete("Done.");
  expect(await again).toMatchObject({ status: 200, body: { response: "Done." } });
});

it("decisions are counted by what came of them", async () => {
  const before = await metricOf(edge, "parley_edge_approvals_total");
  const waiting = await begin();
  ann.send(approve(waiting));
  await ann.next("approval_decided");
  ann.send(approve(waiting));
  ann.send(approve(waiting, { approved: false }));
  await ann.next("error");
  expect(await metricOf(edge, "parley_edge_approvals_total")).toBe(before + 3);
});
