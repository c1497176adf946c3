import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { answerWhole, createRoom, enter, look, shows } from "./support/room-fixture.ts";
import { letIn, sendAway } from "./support/rooms.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());

const say = async (client: TestClient, conversation_id: string, message: string): Promise<string> => {
  client.send({ type: "message", id: message, message, conversation_id });
  return (await client.next("accepted")).turn_id;
};

const untilDismissed = (client: TestClient): Promise<true> =>
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

it("who comes back with a snapshot's cursor has what people said since the last turn ended, on an edge that was just started", async () => {
  const id = await createRoom(world, { agents: [{ handle: "bot", agent: "general" }] });
  const ann = await look(edge, "ann", id);
  const turn = world.worker.take(id, await say(ann, id, "@bot one"));
  await answerWhole(world, turn, { by: "ann", question: "@bot one", answer: "two" });
  await shows(ann, id, ["@bot one", "two"]);
  // What stands at the cursor is of another conversation.
  const other = await createRoom(world, { answers: "never" });
  await say(await enter(edge, "ann"), other, "elsewhere");
  const bert = await look(edge, "bert", id);
  await shows(bert, id, ["@bot one", "two"]);
  const after = bert.view(id).seq;
  bert.close();
  await say(ann, id, "meanwhile");
  const again = await enter(await world.addEdge(), "bert");
  again.send({ type: "subscribe", conversation_id: id, after });
  await say(ann, id, "now");
  await shows(again, id, ["meanwhile", "now"]);
});
