import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

/** What the edge sends to the broker for one turn of somebody who is alone, from the message to the end of the answer. */
async function sentFor(
  tokens: number,
  { world, edge, client }: { world: World; edge: EdgeUnderTest; client: TestClient },
  conversation_id: string,
): Promise<number> {
  const before = edge.bus.nc.stats().outMsgs;
  client.send({ type: "message", id: randomUUID(), message: "again", conversation_id });
  const { turn_id } = await client.next("accepted");
  const worker = world.worker.take(conversation_id, turn_id);
  for (let i = 0; i < tokens; i++) await worker.token("w ");
  await worker.complete("w ".repeat(tokens));
  await client.next("complete");
  return edge.bus.nc.stats().outMsgs - before;
}

it("sends the broker three messages for a turn of one person, and none for its tokens", async () => {
  await using world = await createWorld();
  const edge = await world.addEdge();
  const client = await world.connect(edge);
  const conversation = `c_${randomUUID()}`;
  const at = { world, edge, client };
  await sentFor(0, at, conversation);
  // What the edge asks from time to time, whatever there is, falls into some of them.
  const least = async (tokens: number): Promise<number> => {
    const counts: number[] = [];
    for (let i = 0; i < 8; i++) counts.push(await sentFor(tokens, at, conversation));
    return Math.min(...counts);
  };
  expect(await least(0)).toBe(3);
  expect(await least(20)).toBe(3);
});
