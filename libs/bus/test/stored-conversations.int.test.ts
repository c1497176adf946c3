import { encodeEvent, subjects } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

let world: Awaited<ReturnType<typeof openTestBus>>;

beforeAll(async () => {
  world = await openTestBus();
});
afterAll(() => world[Symbol.asyncDispose]());

const never = new AbortController().signal;

async function fill(conversation: string, owner: string): Promise<void> {
  const { bus } = world;
  await bus.owners.claim(conversation, owner);
  const common = { conversation_id: conversation, turn_id: "t1", message_id: "m1", ts: 1, message: "hello" };
  const author = { role: "user" as const };
  const event = encodeEvent({ type: "message", ...common, id: "1", author });
  await bus.events.append({ subject: subjects.user(0, conversation, "t1"), data: event });
  await bus.transcripts.append({ v: 1, ...common, author, status: "complete" });
}

describe("stored conversations", () => {
  it("are none at first", async () => {
    expect(await world.bus.conversations.isEmpty()).toBe(true);
    await fill("c1", "ann");
    expect(await world.bus.conversations.isEmpty()).toBe(false);
  });

  it("are purged one at a time, and again without harm", async () => {
    const { events, transcripts, owners, conversations } = world.bus;
    await fill("c2", "ann");
    await fill("c2-other", "ann");
    await conversations.purge("c2");
    await conversations.purge("c2");
    expect(await events.last(subjects.eventsOf(0, "c2"))).toBeUndefined();
    expect((await transcripts.tail("c2", { limit: 5 })).turns).toEqual([]);
    expect(await owners.ownerOf("c2")).toEqual({ userId: "ann", tenant: undefined });
    expect(await events.last(subjects.eventsOf(0, "c2-other"))).toBeDefined();
    expect((await transcripts.tail("c2-other", { limit: 5 })).turns).toHaveLength(1);
  });

  it("are purged up to where they went when that was asked", async () => {
    const { events, transcripts, conversations } = world.bus;
    await fill("c2-old", "ann");
    const end = await conversations.endOf("c2-old");
    const begun = { type: "message" as const, conversation_id: "c2-old", turn_id: "t2", message_id: "m2", ts: 2 };
    const message = encodeEvent({ ...begun, message: "later", id: "2", author: { role: "user" } });
    await events.append({ subject: subjects.user(0, "c2-old", "t2"), data: message });
    await conversations.purge("c2-old", end);
    const kept = await events.read("c2-old", { fromSeq: 1 });
    expect(kept.map(({ subject }) => subject)).toEqual([subjects.user(0, "c2-old", "t2")]);
    expect((await transcripts.tail("c2-old", { limit: 5 })).turns).toEqual([]);
  });

  it("name the tool calls that have a result", async () => {
    const { events, conversations } = world.bus;
    for (const call of ["t1-0-0", "t1-0-1"]) {
      await events.append({ subject: subjects.toolResult(0, "c2-tools", "t1", call), data: Buffer.from("{}") });
    }
    await events.append({ subject: subjects.toolResult(0, "c2-tools2", "t1", "t1-9-9"), data: Buffer.from("{}") });
    expect((await conversations.callsOf("c2-tools")).toSorted()).toEqual(["t1-0-0", "t1-0-1"]);
    expect(await conversations.callsOf("c2-none")).toEqual([]);
  });

  it("tell everybody who listens that one was deleted", async () => {
    const { conversations } = world.bus;
    const heard: [string, number][] = [];
    const stop = conversations.onDeleted((...deleted) => heard.push(deleted));
    await world.bus.events.flush();
    await conversations.announceDeletion("c2-gone", { events: 7 });
    // As edges of before say it.
    world.bus.nc.publish(subjects.deleted(0, "c2-old"));
    await world.bus.events.flush();
    expect(heard).toEqual([
      ["c2-gone", 7],
      ["c2-old", 0],
    ]);
    stop();
  });

  it("are found by their owners, all in one scan", async () => {
    const { conversations } = world.bus;
    for (let i = 0; i < 40; i++) await fill(`c3-${i}`, i % 2 === 0 ? "bob" : "carl");
    const found = await conversations.ownedBy(new Set(["bob", "carl", "nobody"]), never);
    const numbers = (user: string) =>
      (found.get(user) ?? []).map((id) => Number(id.slice(3))).toSorted((a, b) => a - b);
    expect(numbers("bob")).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i));
    expect(numbers("carl")).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i + 1));
    expect(found.get("nobody")).toEqual([]);
    expect(found.size).toBe(3);
  });

  it("have an outline: their first message, and when the newest record was written", async () => {
    const { conversations, transcripts } = world.bus;
    await fill("c5", "bob");
    const record = { v: 1 as const, conversation_id: "c5", turn_id: "t1", status: "complete" as const };
    await transcripts.append({ ...record, message_id: "m2", author: { role: "assistant" }, message: "hi", ts: 7 });
    expect(await conversations.outlineOf("c5")).toEqual({ first: "hello", updatedMs: 7 });
    expect(await conversations.updatedAt("c5")).toBe(7);
    expect(await conversations.outlineOf("c5-none")).toBeUndefined();
  });

  it("know which records of the log are theirs", async () => {
    const { conversations } = world.bus;
    await fill("c6", "dora");
    const places = Array.from({ length: 300 }, (_, i) => i + 1);
    const theirs = await Promise.all(places.map((seq) => conversations.hasRecord("c6", seq)));
    expect(theirs.filter(Boolean)).toHaveLength(1);
  });
});
