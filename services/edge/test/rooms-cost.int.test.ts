import { randomUUID } from "node:crypto";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

async function turn(world: World, client: TestClient, frame: object): Promise<string> {
  client.send({ type: "message", id: randomUUID(), ...frame });
  const { conversation_id, turn_id } = await client.next("accepted");
  await world.worker.take(conversation_id, turn_id).complete("yes");
  await client.next("complete");
  return conversation_id;
}

/** Questions about the people of one conversation, and those of what has changed in any. */
async function counted(world: World) {
  const asked = { one: 0, any: 0 };
  world.bus.nc.subscribe("$JS.API.DIRECT.GET.*.chat.people.>", { callback: () => void asked.one++ });
  world.bus.nc.subscribe("$JS.API.DIRECT.GET.*", {
    callback: (_, message) => void (message.string().includes("chat.people.") && asked.any++),
  });
  await world.bus.nc.flush();
  return asked;
}

it("costs whoever is alone in a conversation one look-up where an edge meets it first, and nothing for a new one or a turn", async () => {
  await using world = await createWorld();
  const edges: readonly EdgeUnderTest[] = [await world.addEdge(), await world.addEdge()];
  const [edge, other] = edges;
  if (edge === undefined || other === undefined) throw new Error("an edge is missing");
  const asked = await counted(world);
  const client = await world.connect(edge);
  const fresh = await turn(world, client, { message: "one whose id the edge made" });
  const named = await turn(world, client, { message: "one that is new", conversation_id: `c_${randomUUID()}` });
  for (const conversation_id of [fresh, named])
    for (let i = 0; i < 5; i++) await turn(world, client, { message: `again ${i}`, conversation_id });
  expect(asked.one).toBe(0);
  // Whoever has nothing gets the whole: of that, too, this process knows enough.
  const another = await world.connect(edge);
  for (const conversation_id of [fresh, named]) {
    another.send({ type: "subscribe", conversation_id });
    await another.next("snapshot");
  }
  expect(asked.one).toBe(0);
  for (let i = 0; i < 5; i++)
    expect((await ask(other, "GET", `/api/v1/conversations/${fresh}/messages`)).status).toBe(200);
  const elsewhere = await world.connect(other);
  for (let i = 0; i < 3; i++) await turn(world, elsewhere, { message: `there ${i}`, conversation_id: fresh });
  expect(asked.one).toBe(1);
});

it("asks what has changed four times a second, whatever there is", async () => {
  await using world = await createWorld();
  await world.addEdge();
  const asked = await counted(world);
  const fromMs = performance.now();
  await eventually(() => performance.now() - fromMs > 2_000, { what: "two seconds" });
  expect(asked.any).toBeGreaterThan(3);
  expect(asked.any).toBeLessThanOrEqual(9);
  expect(asked.one).toBe(0);
});
