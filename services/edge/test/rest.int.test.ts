import type { TranscriptMessage } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** An edge that cannot read the stream, only look up what it can name. */
async function addBlindEdge() {
  let reads = 0;
  const blind = await world.addEdge({ beforeReading: () => (reads++, new Promise(() => {})) });
  return { blind, reads: () => reads };
}

async function say(client: TestClient, conversation_id: string, message: string) {
  client.send({ type: "message", id: message, message, conversation_id });
  const { turn_id, message_id } = await client.next("accepted");
  return { turn: world.worker.take(conversation_id, turn_id), turn_id, message_id };
}

async function subscribe(place: EdgeUnderTest, conversation_id: string, after?: number): Promise<TestClient> {
  const client = await world.connect(place);
  client.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  return client;
}

describe("who comes back to a conversation that rests", () => {
  it("goes on at once, with the cursor of its last end or of a snapshot, without a reading", async () => {
    const client = await world.connect(edge);
    for (const message of ["one", "two", "three"]) {
      const { turn } = await say(client, "c_rest", message);
      await turn.complete(`${message} answered`);
    }
    await client.next("complete");
    const end = (await world.bus.events.state(0)).lastSeq;
    const { seq } = client.view("c_rest");
    await world.worker.take("c_elsewhere", "t").token("the stream goes on");
    const viewer = await subscribe(edge, "c_rest");
    const snapshot = await viewer.next("snapshot");
    expect(snapshot.seq).toBeGreaterThan(seq);
    expect(end).toBeGreaterThan(0);
    const { blind, reads } = await addBlindEdge();
    for (const after of [seq, snapshot.seq]) {
      const back = await subscribe(blind, "c_rest", after);
      expect(await back.next("subscribed")).toMatchObject({ mode: "live", seq: after });
    }
    expect(reads()).toBe(0);
  });

  it.each<[string, TranscriptMessage["status"]]>([
    ["was cancelled", "cancelled"],
    ["failed", "error"],
  ])("does not if its last turn %s: others may have run beside it", async (what, status) => {
    const conversation = `c_${status}`;
    const client = await world.connect(edge);
    const { turn } = await say(client, conversation, what);
    await turn.complete("", status);
    const { seq } = await client.next("complete");
    const { blind, reads } = await addBlindEdge();
    const back = await subscribe(blind, conversation, seq);
    await expect.poll(reads).toBe(1);
    expect(back.frames.filter(({ type }) => type === "subscribed")).toEqual([]);
  });
});
