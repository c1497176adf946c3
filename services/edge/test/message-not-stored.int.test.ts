import { messageEventOf, subjects, type TurnRequest } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** As an edge leaves it that died between the queue and the event. */
async function queueAlone(conversation_id: string): Promise<TurnRequest> {
  const user = { id: "ann" };
  const place = {
    conversation_id,
    turn_id: "queued-alone",
    message_id: "queued-alone-u",
    id: "m2",
    accepted_at: Date.now(),
  };
  const request: TurnRequest = { v: 1, ...place, user, message: "behind" };
  await world.bus.turns.submit(request);
  return request;
}

it("is in no snapshot before its event: that comes again, above the snapshot's place", async () => {
  const conversation_id = "not-stored";
  const client = await world.connect(edge);
  client.send({ type: "message", id: "m1", message: "first", conversation_id });
  const { turn_id } = await client.next("accepted");
  const run = world.worker.take(conversation_id, turn_id);
  await run.token("so ");
  await client.next("token");
  const request = await queueAlone(conversation_id);

  const late = await world.connect(await world.addEdge());
  late.send({ type: "subscribe", conversation_id });
  const { messages = [] } = await late.next("snapshot");
  expect(messages.map(({ message }) => message)).toEqual(["first"]);

  const event = messageEventOf(request);
  await world.bus.events.writeOnce(subjects.user(0, conversation_id, request.turn_id), event);
  expect(await late.next("message")).toMatchObject({ turn_id: request.turn_id, message: "behind" });
});

it("that is repeated brings no whole conversation to who saw its turn end", async () => {
  const conversation_id = "seen-ended";
  const client = await world.connect(edge);
  const sayToEnd = async (message: string): Promise<void> => {
    client.send({ type: "message", id: message, message, conversation_id });
    const { turn_id } = await client.next("accepted");
    const run = world.worker.take(conversation_id, turn_id);
    await run.token("done");
    await run.complete("done");
    await client.next("complete");
  };
  await sayToEnd("first");
  const onlooker = await world.connect(edge);
  onlooker.send({ type: "subscribe", conversation_id });
  await onlooker.next("snapshot");
  await sayToEnd("second");
  await onlooker.next("complete");

  onlooker.send({ type: "message", id: "second", message: "second", conversation_id });
  await onlooker.next("accepted");
  // What is owed would come a look at the broker later: the next turn's frames come behind it.
  await sayToEnd("third");
  await onlooker.next("complete");
  expect(onlooker.frames.filter(({ type }) => type === "snapshot")).toHaveLength(1);
});
