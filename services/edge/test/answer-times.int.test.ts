import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import { request } from "./support/http-client.ts";
import { seriesOf } from "./support/series.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const responses = "parley_edge_response_duration_seconds";

async function firstTokensAt(edge: EdgeUnderTest): Promise<number> {
  return (await seriesOf(edge, "parley_edge_time_to_first_token_seconds"))[""] ?? 0;
}

async function ask(client: TestClient, conversation: string, id = "m1"): Promise<FakeTurn> {
  client.send({ type: "message", id, conversation_id: conversation, message: "hello" });
  return world.worker.take(conversation, (await client.next("accepted")).turn_id);
}

it("times an answer once, however many look on and however often the message is sent", async () => {
  const edge = await world.addEdge();
  const asker = await world.connect(edge);
  const turn = await ask(asker, "t-once");
  for (let i = 0; i < 3; i++) {
    const onlooker = await world.connect(edge);
    onlooker.send({ type: "subscribe", conversation_id: "t-once" });
    await onlooker.next("subscribed");
  }
  await ask(asker, "t-once");
  await ask(await world.connect(edge), "t-once");
  await turn.token("Hel");
  await turn.token("lo");
  expect(await seriesOf(edge, responses)).toEqual({});
  await turn.complete("Hello");
  await asker.next("complete");
  expect(await firstTokensAt(edge)).toBe(1);
  expect(await seriesOf(edge, responses)).toEqual({ complete: 1 });
  asker.close();
  await eventually(async () => (await metricOf(edge, "parley_edge_sockets")) === 4, { what: "the close" });
  expect(await seriesOf(edge, responses)).toEqual({ complete: 1 });
});

it("times each of the answers that a connection waits for at the same time, by how they end", async () => {
  const edge = await world.addEdge();
  const asker = await world.connect(edge);
  const [one, two] = [await ask(asker, "t-one"), await ask(asker, "t-two")];
  await one.token("1");
  await two.token("2");
  await eventually(async () => (await firstTokensAt(edge)) === 2, { what: "both first tokens" });
  const common = { conversation_id: "t-one", turn_id: one.turn, attempt: 1, ts: 1, n: 1, response: "1" };
  const usage = { input_tokens: 1, output_tokens: 1 };
  await one.append({ type: "cancelled", ...common, reason: "so", message_id: "x", tool_calls: [], usage });
  await two.complete("2");
  await Promise.all([asker.next("cancelled"), asker.next("complete")]);
  expect(await seriesOf(edge, responses)).toEqual({ cancelled: 1, complete: 1 });
});

it("counts an answer as left when the connection that asked is gone first", async () => {
  const edge = await world.addEdge();
  const asker = await world.connect(edge);
  const turn = await ask(asker, "t-left");
  asker.terminate();
  await eventually(async () => (await metricOf(edge, "parley_edge_sockets")) === 0, { what: "the close" });
  await turn.complete("Hello");
  expect(await seriesOf(edge, responses)).toEqual({ left: 1 });
});

it("times the answer of a request that waits for all of it, and has no first token of it", async () => {
  const edge = await world.addEdge();
  const answer = request(edge, "POST", "/api/v1/chat", { body: { message: "hello", conversation_id: "t-http" } });
  const queued = await eventually(async () => (await world.bus.turns.waiting("t-http"))[0], { what: "the turn" });
  const turn = world.worker.take("t-http", queued.request.turn_id);
  await turn.token("Hello");
  await turn.complete("Hello");
  expect((await answer).status).toBe(200);
  expect(await seriesOf(edge, responses)).toEqual({ complete: 1 });
  expect(await firstTokensAt(edge)).toBe(0);
});
