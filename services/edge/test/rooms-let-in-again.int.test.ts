import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createRoom, look, shows } from "./support/room-fixture.ts";
import { letIn, sendAway } from "./support/rooms.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());

const say = async (client: TestClient, conversation_id: string, message: string): Promise<void> => {
  client.send({ type: "message", id: message, message, conversation_id });
  await client.next("accepted");
};

const untilDismissed = (client: TestClient): Promise<void> =>
  eventually(() => client.frames.some((frame) => frame.type === "error" && frame.code === "FORBIDDEN"), {
    what: "the notice",
  });

it("who was removed, is let in again and writes has all that was said meanwhile, on the same socket", async () => {
  const id = await createRoom(world, { answers: "never" });
  const [ann, bert] = [await look(edge, "ann", id), await look(edge, "bert", id)];
  await say(ann, id, "before");
  await shows(bert, id, ["before"]);
  await sendAway(world.bus, id, "bert");
  await untilDismissed(bert);
  await say(ann, id, "meanwhile");
  await letIn(world.bus, id, ["bert"]);
  await world.bus.people.change(id, (people) => ({ people: { ...people, answers: "never" } }));
  await say(bert, id, "back");
  await say(ann, id, "after");
  await shows(bert, id, ["before", "meanwhile", "back", "after"]);
});
