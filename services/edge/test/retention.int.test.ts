import { randomUUID } from "node:crypto";
import { Retention } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { enter, letIn, record } from "./support/rooms.ts";
import { searchStreams } from "./support/store-search.ts";

const keptMs = 4_000;
const dayMs = 86_400_000;
let world: World;
let edge: EdgeUnderTest;
let days: number | null = null;

beforeAll(async () => {
  world = await createWorld();
  const retention = () => Retention.parse({ conversation_days: days, sweep_per_second: 200, sweep_every_s: 0.5 });
  edge = await world.addEdge({ privacy: { leaseMs: 1_000, retention } });
  await world.addEdge({ privacy: { leaseMs: 1_000, retention } });
});
afterAll(() => world[Symbol.asyncDispose]());

async function conversation(user: string, word: string): Promise<string> {
  const id = `c_${randomUUID()}`;
  const client = await enter(edge, user);
  client.send({ type: "message", id: "m1", message: word, conversation_id: id });
  const { turn_id } = await client.next("accepted");
  await record(world.bus, id, turn_id, { asker: user, answer: `${word} too` });
  await world.worker.take(id, turn_id).complete(`${word} too`);
  client.close();
  return id;
}

const statusOf = async (id: string, user = "ann"): Promise<number> =>
  (await ask(edge, "GET", `/api/v1/conversations/${id}/messages`, { user })).status;
const isGone = (id: string): Promise<boolean> => statusOf(id).then((status) => status === 404);

it("what nothing has happened in for long enough is deleted, and nothing else", { timeout: 60_000 }, async () => {
  const [old, held, room, busy] = [
    await conversation("ann", "oldword"),
    await conversation("ann", "heldword"),
    await conversation("ann", "roomword"),
    await conversation("ann", "busyword"),
  ];
  await letIn(world.bus, room, ["bob"]);
  await world.bus.privacy.hold({ kind: "conversation", id: held }, { by: "a test", reason: "a law suit" });
  await world.bus.privacy.hold({ kind: "user", id: "bob" }, { by: "a test", reason: "another one" });
  const client = await enter(edge, "ann");
  client.send({ type: "message", id: "waits", message: "still here?", conversation_id: busy });
  await client.next("accepted");

  // Looked at first: nothing is changed by it.
  days = keptMs / dayMs;
  await new Promise((resolve) => setTimeout(resolve, keptMs));
  await eventually(() => isGone(old), { what: "the old one gone", timeoutMs: 20_000 });
  const fresh = await conversation("ann", "freshword");
  expect([await statusOf(held), await statusOf(room), await statusOf(busy), await statusOf(fresh)]).toEqual([
    200, 200, 200, 200,
  ]);
  const left = (await searchStreams(world.bus, ["oldword"])).filter((one) => !one.startsWith("EV_"));
  expect(left).toEqual([]);

  // Nor does its owner delete what is held.
  const refused = await ask(edge, "DELETE", `/api/v1/conversations/${held}`);
  expect([refused.status, refused.body.error]).toEqual([409, expect.stringContaining("legal hold")]);
  await world.bus.privacy.lift({ kind: "conversation", id: held });
  await eventually(() => isGone(held), { what: "what is not held any more", timeoutMs: 20_000 });
  expect(await statusOf(room)).toBe(200);
});

it("somebody who is held is not erased", async () => {
  await world.bus.privacy.hold({ kind: "user", id: "carl" }, { by: "a test", reason: "a law suit" });
  const { status, body } = await ask(edge, "DELETE", "/api/v1/me", { user: "carl", body: { confirm: "carl" } });
  expect([status, body.error]).toEqual([409, expect.stringContaining("legal hold")]);
});
