import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createCopyRoute } from "./support/late-copies.ts";
import type { TestClient } from "./support/test-client.ts";

const route = createCopyRoute();
let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge({ lose: route.lose });
});
afterAll(() => world[Symbol.asyncDispose]());

/** More than twice as many as an edge gives a snapshot at once. */
const onlookers = 150;

it("a message that comes late is shown to a whole crowd that is past it, in a snapshot for each", async () => {
  const client = await world.connect(edge);
  client.send({ type: "message", id: "first", message: "first" });
  const { conversation_id, turn_id } = await client.next("accepted");
  const turn = world.worker.take(conversation_id, turn_id);
  await turn.token("one ");
  const crowd: TestClient[] = [];
  for (let i = 0; i < onlookers; i++) {
    const onlooker = await world.connect(edge);
    onlooker.send({ type: "subscribe", conversation_id });
    crowd.push(onlooker);
  }
  for (const onlooker of crowd) await onlooker.next("snapshot");
  const copy = route.hold(conversation_id, "what comes late");
  client.send({ type: "message", id: "late", message: "what comes late", conversation_id });
  await client.next("accepted");
  await copy.arrived();
  await turn.token("two ");
  for (const onlooker of crowd) await onlooker.next("token");
  const before = await metricOf(edge, "parley_edge_snapshots_total");
  copy.pass();
  for (const onlooker of crowd) await onlooker.next("snapshot");
  await turn.token("three");
  const isWhole = (onlooker: TestClient): boolean => {
    const view = onlooker.view(conversation_id);
    const isTold = view.transcript.some(({ message }) => message === "what comes late");
    return shownTurn(view, turn_id)?.text === "one two three" && isTold;
  };
  for (const onlooker of crowd) await eventually(() => isWhole(onlooker), { what: "all of it" });
  // Its sender is past it too.
  expect((await metricOf(edge, "parley_edge_snapshots_total")) - before).toBe(onlookers + 1);
});
