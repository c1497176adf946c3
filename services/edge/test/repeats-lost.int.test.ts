import { streams, subjects } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

it("P1: a message that the broker has lost from its queue runs when it comes again, within the time for which its id is remembered too", async () => {
  const client = await world.connect(edge);
  const message = { type: "message" as const, id: "lost", message: "hello", conversation_id: "c_lost" };
  client.send(message);
  const { turn_id, conversation_id } = await client.next("accepted");
  await client.next("message");
  const filter = JSON.stringify({ filter: subjects.turns(conversation_id) });
  await world.bus.nc.request(`$JS.API.STREAM.PURGE.${streams.turns}`, filter);
  expect(await world.bus.turns.waiting(conversation_id)).toEqual([]);
  client.send(message);
  expect(await client.next("accepted")).toMatchObject({ turn_id });
  await eventually(
    async () => (await world.bus.turns.waiting(conversation_id)).some(({ request }) => request.turn_id === turn_id),
    { what: "a turn that is queued again" },
  );
});
