import { ChatError, encodeJson, subjects, type ChangesRecord } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { join, look, pageOf, pathOf, reactionOf, say, shownBy } from "./support/changed-messages.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, type Asked } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  other = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

async function begun(id: string, message = "hello") {
  const client = await world.connect(edge);
  return { client, ...(await say(world, client, { id, message })) };
}

const wayOf = (place: EdgeUnderTest, user: string, id: string, message: string): (() => Promise<Asked>)[] => [
  () => ask(place, "PATCH", pathOf(id, message), { user, body: { message: "not mine" } }),
  () => ask(place, "DELETE", pathOf(id, message), { user }),
  () => ask(place, "PUT", reactionOf(id, message, "👎"), { user }),
  () => ask(place, "DELETE", reactionOf(id, message, "👎"), { user }),
  () => ask(place, "GET", pathOf(id, message, "/history"), { user }),
];

async function statusesOf(ways: readonly (() => Promise<Asked>)[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const way of ways) statuses.push((await way()).status);
  return statuses;
}

async function recordOf(id: string, message: string): Promise<ChangesRecord["changes"]> {
  return (await world.bus.changes.of(id, [message])).get(message);
}

describe("messages of a room", () => {
  it("are left alone by strangers, readers and those who were removed, on every edge", async () => {
    const { question, answer } = await begun("c_rights");
    await join(edge, "c_rights", "rita", "reader");
    await join(edge, "c_rights", "bert");
    expect((await ask(edge, "DELETE", "/api/v1/conversations/c_rights/members/bert")).status).toBeLessThan(300);
    const refusedFrames = { type: "error", code: "FORBIDDEN" };
    for (const user of ["stan", "rita", "bert"]) {
      for (const message_id of [question, answer]) {
        await eventually(
          async () => (await statusesOf(wayOf(other, user, "c_rights", message_id))).every((one) => one === 403),
          {
            what: `refusals for ${user}`,
          },
        );
        const client = await world.connect(other, user);
        const common = { conversation_id: "c_rights", message_id };
        client.send({ type: "edit", ...common, message: "x" });
        expect(await client.next("error")).toMatchObject({ ...refusedFrames, frame: "edit" });
        client.send({ type: "delete", ...common });
        expect(await client.next("error")).toMatchObject({ ...refusedFrames, frame: "delete" });
        client.send({ type: "react", ...common, reaction: "x", on: true });
        expect(await client.next("error")).toMatchObject({ ...refusedFrames, frame: "react" });
      }
    }
    expect([await recordOf("c_rights", question), await recordOf("c_rights", answer)]).toEqual([undefined, undefined]);
  });

  it("are edited by their authors alone, and deleted by them and the owner", async () => {
    const { question } = await begun("c_writers");
    await join(edge, "c_writers", "bert");
    const bert = await world.connect(other, "bert");
    bert.send({ type: "message", id: "p1", message: "to the others", conversation_id: "c_writers" });
    const { message_id: post } = await bert.next("accepted");
    const ofBert = wayOf(other, "bert", "c_writers", question);
    expect(await statusesOf(ofBert)).toEqual([403, 403, 200, 200, 403]);
    expect((await ask(edge, "PATCH", pathOf("c_writers", post), { body: { message: "x" } })).status).toBe(403);
    const own = await ask(other, "PATCH", pathOf("c_writers", post), {
      user: "bert",
      body: { message: "hi" },
    });
    expect(own).toMatchObject({ status: 200, body: { changes: { n: 1, message: "hi" } } });
    const gone = await ask(edge, "DELETE", pathOf("c_writers", post));
    expect(gone.body.changes).toMatchObject({ n: 2, deleted_by: { id: "ann" } });
    expect(gone.body.changes).not.toHaveProperty("message");
    const { texts } = await pageOf(edge, "c_writers");
    expect(texts).toEqual(["hello", "hello answered", ""]);
    const snapshot = await (await look(world, other, "c_writers", { user: "bert" })).next("snapshot");
    // The last one is the empty end that those get who do not know posts.
    expect(snapshot.messages?.map(({ message }) => message)).toEqual(["hello", "hello answered", "", ""]);
    expect(snapshot.changes?.map(({ message_id }) => message_id)).toEqual([question, post]);
  });

  it("lose none of the reactions that twenty people give at once on two edges", async () => {
    const { client, answer } = await begun("c_crowd");
    const crowd = Array.from({ length: 20 }, (_, i) => `u${i}`);
    for (const user of crowd) await join(edge, "c_crowd", user);
    const viewer = await look(world, other, "c_crowd");
    const given = await Promise.all(
      crowd.map((user, i) => ask(i % 2 === 0 ? edge : other, "PUT", reactionOf("c_crowd", answer, "👍"), { user })),
    );
    expect(given.map(({ status }) => status)).toEqual(crowd.map(() => 200));
    const stored = await recordOf("c_crowd", answer);
    expect(stored?.n).toBe(20);
    expect(stored?.reactions[0]?.by.map(({ id }) => id).toSorted()).toEqual(crowd.toSorted());
    for (const one of [client, viewer])
      await eventually(() => shownBy(one, "c_crowd").at(-1)?.changes?.n === 20, { what: "all reactions" });
    expect(shownBy(viewer, "c_crowd").at(-1)?.changes).toEqual(stored);
  });

  it("say what they said before to the owner, where the room keeps that", async () => {
    const { question } = await begun("c_kept", "one");
    const history = () => ask(edge, "GET", pathOf("c_kept", question, "/history"));
    expect((await history()).status).toBe(404);
    expect(
      (await ask(edge, "PATCH", "/api/v1/conversations/c_kept/room", { body: { keeps_history: true } })).status,
    ).toBe(204);
    for (const message of ["two", "three"]) await ask(edge, "PATCH", pathOf("c_kept", question), { body: { message } });
    const texts = (await history()).body.earlier.map(({ message }: { message: string }) => message);
    expect(texts).toEqual(["one", "two"]);
    await ask(edge, "DELETE", pathOf("c_kept", question));
    expect((await history()).body.earlier).toEqual([]);
  });
});

describe("an edge that dies", () => {
  it("between the record and its event has lost nothing: whoever looks or asks again tells it", async () => {
    const { client, question, answer } = await begun("c_killed");
    await world.bus.people.note("c_killed", "changes");
    const put = async (message_id: string, message: string): Promise<void> => {
      const by = { role: "user", id: "ann" };
      const changes = { message_id, n: 1, message, edited_at: 1, reactions: [] };
      const common = { v: 1, kind: "changes" as const, conversation_id: "c_killed", ts: Date.now() };
      const record: ChangesRecord = { ...common, changes, told: { type: "message_edited", by } };
      const subject = subjects.change(world.bus.events.shardOf("c_killed"), "c_killed", message_id);
      await world.bus.events.append({ subject, data: encodeJson(record), expect: 0 });
    };
    await put(question, "stored, not told");
    const again = await ask(other, "PATCH", pathOf("c_killed", question), { body: { message: "stored, not told" } });
    expect(again).toMatchObject({ status: 200, body: { changes: { n: 1 } } });
    expect(await client.next("message_edited")).toMatchObject({ stands: { n: 1 }, message: "stored, not told" });
    await put(answer, "found by who looks");
    await eventually(
      async () => {
        await pageOf(other, "c_killed");
        return client.frames.filter(({ type }) => type === "message_edited").length === 2;
      },
      { what: "the event", timeoutMs: 10_000 },
    );
  });
});

describe("a conversation that is deleted", () => {
  it("takes what became of its messages with it, and one that begins anew has none of it", async () => {
    const { client, question } = await begun("c_gone");
    client.send({ type: "edit", conversation_id: "c_gone", message_id: question, message: "a secret" });
    await client.next("message_edited");
    expect((await ask(other, "DELETE", "/api/v1/conversations/c_gone")).status).toBe(204);
    expect(await recordOf("c_gone", question)).toBeUndefined();
    expect((await ask(edge, "PATCH", pathOf("c_gone", question), { body: { message: "late" } })).status).toBe(404);
    expect(await recordOf("c_gone", question)).toBeUndefined();
    const client_ = await world.connect(edge);
    const anew = await say(world, client_, { id: "c_gone", message: "anew" });
    expect((await pageOf(edge, "c_gone")).texts).toEqual(["anew", "anew answered"]);
    const edited = await ask(other, "PATCH", pathOf("c_gone", anew.question), { body: { message: "edited anew" } });
    expect(edited.body.changes).toMatchObject({ n: 1 });
  });

  it("keeps no change that was on its way: the first one looks once more behind itself", async () => {
    const { question } = await begun("c_race");
    let looks = 0;
    const find = async (): Promise<void> => {
      if (++looks === 2) throw new ChatError("NOT_FOUND");
    };
    const told = { type: "message_deleted" as const, by: { role: "user", id: "ann" } };
    const change = world.bus.changes.change("c_race", question, find, () => ({ stands: { reactions: [] }, told }));
    await expect(change).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await recordOf("c_race", question)).toBeUndefined();
  });
});
