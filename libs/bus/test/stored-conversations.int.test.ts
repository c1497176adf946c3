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
    expect((await transcripts.tail("c2", { limit: 5 })).records).toEqual([]);
    expect(await owners.ownerOf("c2")).toBe("ann");
    expect(await events.last(subjects.eventsOf(0, "c2-other"))).toBeDefined();
    expect((await transcripts.tail("c2-other", { limit: 5 })).records).toHaveLength(1);
  });

  it("are found by their owner, as far as the limit goes", async () => {
    const { conversations } = world.bus;
    await fill("c3", "bob");
    await fill("c4", "carl");
    await fill("c5", "bob");
    const all = await conversations.ownedBy("bob", { maxRecords: 100, signal: never });
    expect(all).toEqual({ conversations: ["c3", "c5"], isWhole: true });
    const some = await conversations.ownedBy("bob", { maxRecords: 4, signal: never });
    expect(some).toEqual({ conversations: ["c3"], isWhole: false });
  });

  it("know which records of the log are theirs", async () => {
    const { conversations } = world.bus;
    await fill("c6", "dora");
    const places = Array.from({ length: 40 }, (_, i) => i + 1);
    const theirs = await Promise.all(places.map((seq) => conversations.hasRecord("c6", seq)));
    expect(theirs.filter(Boolean)).toHaveLength(1);
  });
});
