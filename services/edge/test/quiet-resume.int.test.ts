import { jetstreamManager } from "@nats-io/jetstream";
import { streams } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A turn as it is in the events and in the transcript. Returns the cursor of its end. */
async function speak(conversation: string, text: string): Promise<number> {
  const client = await world.connect(edge);
  client.send({ type: "message", id: `${conversation} ${text}`, message: text, conversation_id: conversation });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id: conversation, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user" }, message: text });
  await world.worker.take(conversation, turn_id).complete(`${text} again`);
  const { seq } = await client.next("complete");
  client.terminate();
  return seq;
}

async function subscribe(place: EdgeUnderTest, conversation_id: string, after?: number): Promise<TestClient> {
  const client = await world.connect(place);
  client.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  return client;
}

/** Other conversations of the same stream go on. */
async function goOnElsewhere(events: number): Promise<void> {
  const { tokens } = world.worker.take("c_elsewhere", "t");
  for (let done = 0; done < events; done += 512) {
    await tokens(Array.from({ length: Math.min(512, events - done) }, () => "word "));
  }
}

/** The cursor of a client that was given the whole conversation, and was cut. */
async function snapshotCursor(conversation: string): Promise<number> {
  const client = await subscribe(edge, conversation);
  const { seq } = await client.next("snapshot");
  client.terminate();
  return seq;
}

/** All events that are stored by now are older than events are kept, but for the newest `kept`. */
async function letAllExpire(kept: number): Promise<void> {
  const { streams: stored } = await jetstreamManager(world.bus.nc);
  const { lastSeq } = await world.bus.events.state(0);
  await stored.purge(streams.events(0), { seq: lastSeq + 1 - kept });
}

describe("who comes back to a new edge with a snapshot's cursor, far behind which the conversation was quiet", () => {
  it("gets what was said since, and keeps what it has", async () => {
    await speak("c_far", "before");
    await goOnElsewhere(deliveryLimits.overtakingSeqs + 1);
    const seq = await snapshotCursor("c_far");
    await speak("c_far", "since");
    const back = await subscribe(await world.addEdge(), "c_far", seq);
    expect(await back.next("subscribed")).toMatchObject({ mode: "replay", seq });
    expect(await back.next("message")).toMatchObject({ message: "since" });
  });

  it("keeps it also when nothing has a record yet", async () => {
    const writer = await world.connect(edge);
    writer.send({ type: "message", id: "open", message: "open", conversation_id: "c_open" });
    const { turn_id } = await writer.next("accepted");
    await goOnElsewhere(deliveryLimits.overtakingSeqs + 1);
    const seq = await snapshotCursor("c_open");
    await world.worker.take("c_open", turn_id).token("at last");
    const back = await subscribe(await world.addEdge(), "c_open", seq);
    expect(await back.next("subscribed")).toMatchObject({ mode: "replay", seq });
    expect(await back.next("token")).toMatchObject({ token: "at last" });
  });
});

describe("who comes back to a new edge when the conversation's events are no longer kept", () => {
  it("is live at once if nothing was said since", async () => {
    await speak("c_old", "before");
    await goOnElsewhere(2);
    const seq = await snapshotCursor("c_old");
    await letAllExpire(1);
    const back = await subscribe(await world.addEdge(), "c_old", seq);
    expect(await back.next("subscribed")).toMatchObject({ mode: "live", seq });
    await speak("c_old", "since");
    await back.next("complete");
    expect(back.frames.filter(({ type }) => type === "snapshot")).toEqual([]);
  });

  it("gets what was said since, and keeps what it has", async () => {
    await speak("c_old_busy", "before");
    await goOnElsewhere(2);
    const seq = await snapshotCursor("c_old_busy");
    await letAllExpire(1);
    await speak("c_old_busy", "since");
    const back = await subscribe(await world.addEdge(), "c_old_busy", seq);
    expect(await back.next("subscribed")).toMatchObject({ mode: "replay", seq });
    expect(await back.next("message")).toMatchObject({ message: "since" });
  });

  it("gets the whole, and keeps what it has, if its cursor may be that of an event that had overtaken another", async () => {
    const seq = await speak("c_old_event", "before");
    await letAllExpire(0);
    const back = await subscribe(await world.addEdge(), "c_old_event", seq);
    expect(await back.next("subscribed")).toMatchObject({ mode: "snapshot", seq });
    expect((await back.next("snapshot")).messages?.at(-1)).toMatchObject({ message: "before again" });
  });
});
