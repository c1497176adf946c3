import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { enter, shows } from "./support/room-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];
beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

/** A conversation of Ann's of which both edges remember that nobody else has a part in it. */
async function alone(): Promise<string> {
  const id = `c_${randomUUID()}`;
  await world.bus.owners.claim(id, "ann");
  for (const edge of edges) expect((await ask(edge, "GET", `/api/v1/conversations/${id}/presence`)).status).toBe(200);
  return id;
}

/** What another edge does for the first who joins, and says something at once. */
async function joinAndSay(bert: TestClient, id: string): Promise<void> {
  await world.bus.people.change(id, (now) => ({
    people: { ...now, members: [{ id: "bert", role: "writer", since: 1 }] },
    told: {
      ...{ type: "member", people: [{ id: "bert", role: "writer" }], member_count: 2 },
      ...{ answers: "mention", agents: [] },
    },
  }));
  bert.send({ type: "message", id: `of ${id}`, message: "first", conversation_id: id });
  expect(await bert.next("accepted")).toMatchObject({ posted: true });
}

it("shows who looks on behind the first message of the first member that message, also where its edge knows of no member yet", async () => {
  const [client, bert] = [await enter(edges[1], "ann"), await enter(edges[0], "bert")];
  const seen: string[] = [];
  for (let i = 0; i < 6; i++) {
    const id = await alone();
    await joinAndSay(bert, id);
    client.send({ type: "subscribe", conversation_id: id });
    await client.next("subscribed");
    seen.push(id);
  }
  for (const id of seen) {
    await shows(client, id, ["first"]);
    expect(client.view(id).room).toMatchObject({ member_count: 2 });
  }
  for (const one of [client, bert]) one.close();
}, 60_000);
