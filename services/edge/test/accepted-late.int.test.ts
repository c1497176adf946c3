import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type World } from "./support/edge-fixture.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** An edge whose readings of the event stream wait while the gate is shut. */
async function addGatedEdge() {
  let opened = Promise.resolve();
  const edge = await world.addEdge({ beforeReading: () => opened });
  const shut = (): (() => void) => {
    let open = (): void => undefined;
    opened = new Promise((resolve) => (open = resolve));
    return () => open();
  };
  return { edge, shut };
}

/** A client that has begun at a later message than one that is over, and sends that again while nothing can be read. */
async function repeatBelowCursor(conversation_id: string) {
  const elsewhere = await world.connect(await world.addEdge());
  const old = { type: "message", id: "old", message: "old", conversation_id };
  elsewhere.send(old);
  const { turn_id } = await elsewhere.next("accepted");
  const turn = world.worker.take(conversation_id, turn_id);
  await turn.token("answer");
  await turn.complete("answer");
  await elsewhere.next("complete");
  const { edge, shut } = await addGatedEdge();
  const client = await world.connect(edge);
  client.send({ type: "message", id: "new", message: "new", conversation_id });
  await client.next("accepted");
  await client.next("message");
  const open = shut();
  client.send(old);
  return { client, turn: turn_id, open };
}

it("a message that is older than what its sender has is accepted only together with how it ended", async () => {
  const { client, turn, open } = await repeatBelowCursor("c_together");
  // Whatever was sent before this one is handled before it.
  client.send({ type: "subscribe", conversation_id: "c_nobodys" });
  await client.next("error");
  expect(client.frames.filter(({ type }) => type === "accepted")).toHaveLength(1);
  open();
  const snapshot = await client.next("snapshot");
  expect(snapshot.messages).toContainEqual(expect.objectContaining({ turn_id: turn, message: "answer" }));
  const types = client.frames.map(({ type }) => type);
  expect(types.indexOf("snapshot")).toBe(types.lastIndexOf("accepted") + 1);
  expect(client.frames.filter(({ type }) => type === "accepted")).toHaveLength(2);
});

it("that answer is not lost when its sender asks for the conversation at its cursor before it came", async () => {
  const { client, turn, open } = await repeatBelowCursor("c_again");
  client.send({ type: "subscribe", conversation_id: "c_nobodys" });
  await client.next("error");
  client.send({ type: "subscribe", conversation_id: "c_again", after: client.view("c_again").seq });
  open();
  await eventually(() => client.frames.filter(({ type }) => type === "accepted").length === 2, { what: "the answer" });
  const snapshot = await client.next("snapshot");
  expect(snapshot.messages).toContainEqual(expect.objectContaining({ turn_id: turn, message: "answer" }));
});

it("who comes back with a cursor behind a turn that it never saw, and sends its message again, is told how it ended", async () => {
  const conversation_id = "c_overtaken";
  const ask = (id: string) => ({ type: "message", id, message: id, conversation_id });
  const answered = async (client: Awaited<ReturnType<World["connect"]>>, id: string): Promise<string> => {
    client.send(ask(id));
    const { turn_id } = await client.next("accepted");
    const turn = world.worker.take(conversation_id, turn_id);
    await turn.token("answer");
    await turn.complete("answer");
    await client.next("complete");
    return turn_id;
  };
  const elsewhere = await world.connect(await world.addEdge());
  const old = await answered(elsewhere, "old");
  const client = await world.connect(await world.addEdge());
  await answered(client, "new");
  const { seq: after } = client.view(conversation_id);
  const back = await world.connect(await world.addEdge());
  back.send({ type: "subscribe", conversation_id, after });
  expect(await back.next("subscribed")).not.toMatchObject({ mode: "snapshot" });
  back.send(ask("old"));
  await back.next("accepted");
  const snapshot = await back.next("snapshot");
  expect(snapshot.messages).toContainEqual(expect.objectContaining({ turn_id: old, message: "answer" }));
});
