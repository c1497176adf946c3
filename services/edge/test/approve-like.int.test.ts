import { likeTurn } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";
import { askFor, type WaitingTurn } from "./support/waiting-turn.ts";

// Somebody agrees to a call, and to those like it for a time, where the question offers that.

let world: World;
let edge: EdgeUnderTest;
let ann: TestClient;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

const offeredMs = 600_000;

async function begin(like_ms: number | undefined): Promise<WaitingTurn> {
  ann = await world.connect(edge);
  const waiting = await askFor(world, ann, like_ms === undefined ? {} : { like_ms });
  await ann.next("waiting");
  return waiting;
}

const frame = ({ conversation_id, call_id }: WaitingTurn, more: object) => ({
  ...{ type: "approve", conversation_id, call_id, approved: true },
  ...more,
});
const decidedOf = ({ conversation_id: conversation, turn_id: turn, call_id: call }: WaitingTurn) =>
  world.bus.facts.read("decided", { conversation, turn, call });
const likeOf = ({ conversation_id: conversation }: WaitingTurn) =>
  world.bus.facts.read("like", { conversation, turn: likeTurn, call: "a".repeat(64) });

it("the question offers it; the decision says for how long, and a fact where that stands", async () => {
  const waiting = await begin(offeredMs);
  const viewer = await world.connect(edge);
  viewer.send({ type: "subscribe", conversation_id: waiting.conversation_id });
  expect(await viewer.next("snapshot")).toMatchObject({ tool_calls: [{ approval: { like_ms: offeredMs } }] });
  ann.send(frame(waiting, { like_ms: 60_000 }));
  expect(await viewer.next("approval_decided")).toMatchObject({ approved: true, like_for_ms: 60_000 });
  expect(await ann.next("decision")).toMatchObject({ approved: true, like_for_ms: 60_000 });
  expect(await decidedOf(waiting)).toMatchObject({ approved: true, like_ms: 60_000 });
  const { turn_id, call_id } = waiting;
  expect(await likeOf(waiting)).toMatchObject({ scope: "a".repeat(64), decided: { turn_id, call_id } });
});

it("over HTTP as well", async () => {
  const waiting = await begin(offeredMs);
  const { conversation_id, call_id } = waiting;
  const body = { approved: true, like_ms: offeredMs };
  const answer = await ask(edge, "POST", `/api/v1/conversations/${conversation_id}/approvals/${call_id}`, { body });
  expect([answer.status, answer.body]).toMatchObject([200, { approved: true, like_for_ms: offeredMs }]);
  expect(await likeOf(waiting)).toMatchObject({ decided: { call_id } });
});

it.each<[string, number | undefined, object]>([
  ["longer than it is offered", offeredMs, { like_ms: offeredMs + 1 }],
  ["where it is not offered", undefined, { like_ms: 1 }],
  ["for no time", offeredMs, { like_ms: 0 }],
  ["for a part of a millisecond", offeredMs, { like_ms: 0.5 }],
])("P11: nobody agrees to the like %s, and nothing is decided", async (_, offered, wish) => {
  const waiting = await begin(offered);
  ann.send(frame(waiting, wish));
  expect(await ann.next("error")).toMatchObject({ code: "INVALID_FRAME" });
  expect(await decidedOf(waiting)).toBeUndefined();
  expect(await likeOf(waiting)).toBeUndefined();
});

it.each<[string, object]>([
  ["is denied", { approved: false, like_ms: 60_000 }],
  ["is agreed to alone", {}],
])("P11: of a call that %s nothing follows for others", async (_, wish) => {
  const waiting = await begin(offeredMs);
  ann.send(frame(waiting, wish));
  await ann.next("decision");
  expect(await decidedOf(waiting)).not.toHaveProperty("like_ms");
  expect(await likeOf(waiting)).toBeUndefined();
});

it("P11: the last agreement of its kind counts, and goes with its conversation", async () => {
  const waiting = await begin(offeredMs);
  ann.send(frame(waiting, { like_ms: 60_000 }));
  await ann.next("decision");
  await world.bus.conversations.purge(waiting.conversation_id);
  expect(await likeOf(waiting)).toBeUndefined();
});
