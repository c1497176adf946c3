import { eventually, startTcpProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let one: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  [one, other] = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

const marker = "tell nobody";

/** A turn as it is in the events and in the transcript. */
async function speak(client: TestClient, conversation: string, text: string): Promise<void> {
  client.send({ type: "message", id: `${conversation} ${text}`, message: text, conversation_id: conversation });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id: conversation, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user" }, message: text });
  const worker = world.worker.take(conversation, turn_id);
  await worker.tokens([`${text} again`]);
  await worker.complete(`${text} again`);
  await client.next("complete");
}

async function subscribe(edge: EdgeUnderTest, conversation_id: string, after?: number): Promise<TestClient> {
  const client = await world.connect(edge);
  client.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  return client;
}

/** The cursors of one who saw every event, and of one who came later, when other conversations had gone on. */
async function cursorsOf(conversation: string): Promise<{ event: number; snapshot: number }> {
  const writer = await world.connect(one);
  await speak(writer, conversation, marker);
  await speak(writer, `${conversation}_elsewhere`, "meanwhile");
  const late = await subscribe(one, conversation);
  const { seq: snapshot } = await late.next("snapshot");
  const { seq: event } = writer.view(conversation);
  expect(snapshot).toBeGreaterThan(event);
  for (const client of [writer, late]) client.terminate();
  return { event, snapshot };
}

const remove = async (conversation: string): Promise<void> => {
  const { status } = await ask(one, "DELETE", `/api/v1/conversations/${conversation}`, { user: "ann" });
  expect(status).toBe(204);
};

const places = [
  ["the edge that deleted it", () => one],
  ["another edge", () => other],
  ["a new edge", () => world.addEdge()],
] as const;
const cursors = [["event"], ["snapshot"]] as const;

describe.each(places)("who was cut before a deletion and comes back to %s", (where, place) => {
  describe.each(cursors)("with the cursor of its last %s", (kind) => {
    it("is told to begin anew, and gets nothing", async () => {
      const conversation = `c_${kind}_${where.replaceAll(" ", "_")}`;
      const { [kind]: cursor } = await cursorsOf(conversation);
      await remove(conversation);
      const back = await subscribe(await place(), conversation, cursor);
      expect(await back.next("subscribed")).toMatchObject({ mode: "live", seq: 0 });
      await speak(back, conversation, "begun anew");
      expect(back.view(conversation).turns).toHaveLength(1);
    });

    it("is told to begin anew, and gets what was said since", async () => {
      const conversation = `c_anew_${kind}_${where.replaceAll(" ", "_")}`;
      const { [kind]: cursor } = await cursorsOf(conversation);
      await remove(conversation);
      await speak(await world.connect(one), conversation, "begun anew");
      const back = await subscribe(await place(), conversation, cursor);
      expect(await back.next("subscribed")).toMatchObject({ mode: "snapshot", seq: 0 });
      const { messages } = await back.next("snapshot");
      expect(messages?.map(({ message }) => message)).toEqual(["begun anew", "begun anew again"]);
    });
  });
});

it("an edge that did not hear of the deletion resets who comes back to it with a snapshot's cursor", async () => {
  await using proxy = await startTcpProxy({ targets: [Number(new URL(world.nats.url).port)] });
  const away = await world.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}` });
  const writer = await world.connect(away);
  await speak(writer, "c_away", marker);
  const { snapshot } = await cursorsOf("c_away");
  proxy.sever();
  await eventually(() => !away.bus.connected(), { what: "the loss" });
  await remove("c_away");
  await speak(await world.connect(one), "c_elsewhere", "goes on");
  proxy.heal();
  await writer.next("error");
  // Its hub makes sure of all up to the end of the stream.
  await (await subscribe(away, "c_away")).next("subscribed");
  const back = await subscribe(away, "c_away", snapshot);
  expect(await back.next("subscribed")).toMatchObject({ seq: 0 });
});

it("who comes back with a snapshot's cursor to what was not deleted goes on from there", async () => {
  const { snapshot } = await cursorsOf("c_kept");
  const back = await subscribe(await world.addEdge(), "c_kept", snapshot);
  expect(await back.next("subscribed")).toMatchObject({ mode: "live", seq: snapshot });
});

it("a message of who left a conversation that was deleted since begins it anew", async () => {
  const writer = await world.connect(one);
  await speak(writer, "c_left", marker);
  writer.send({ type: "unsubscribe", conversation_id: "c_left" });
  await remove("c_left");
  writer.send({ type: "message", id: "after", message: "after", conversation_id: "c_left" });
  const { turn_id } = await writer.next("accepted");
  await world.worker.take("c_left", turn_id).complete("at last");
  await writer.next("complete");
  expect(writer.frames.filter(({ type }) => type === "error")).toEqual([]);
});
