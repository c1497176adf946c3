import { limits } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { look, pageOf, pathOf, reactionOf, say, shownBy, type Said } from "./support/changed-messages.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  other = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A conversation of Ann's with one answered message. */
async function begun(id: string, message = "hello"): Promise<Said & { readonly client: TestClient }> {
  const client = await world.connect(edge);
  return { client, ...(await say(world, client, { id, message })) };
}

const edit = (conversation_id: string, message_id: string, message: string) => ({
  ...{ type: "edit", conversation_id, message_id, message },
});

describe("a message that was said", () => {
  it("is edited by its author: told on every edge, and laid over snapshots and transcripts", async () => {
    const { client, question } = await begun("c_edit");
    const viewer = await look(world, other, "c_edit");
    client.send(edit("c_edit", question, "good evening"));
    const told = await client.next("message_edited");
    expect(told).toMatchObject({ message_id: question, message: "good evening", by: { role: "user", id: "ann" } });
    expect(told.stands).toMatchObject({ n: 1, message: "good evening", reactions: [] });
    expect((await viewer.next("message_edited")).stands).toEqual(told.stands);

    const late = await look(world, other, "c_edit");
    const snapshot = await late.next("snapshot");
    expect(snapshot.messages?.map(({ message }) => message)).toEqual(["good evening", "hello answered"]);
    expect(snapshot.changes).toEqual([told.stands]);
    const { body, texts } = await pageOf(other, "c_edit");
    expect(texts).toEqual(["good evening", "hello answered"]);
    expect(body.changes).toEqual([told.stands]);
    const shown = [{ text: "good evening", changes: told.stands }, { text: "hello answered" }];
    for (const one of [client, viewer, late]) expect(shownBy(one, "c_edit")).toEqual(shown);
  });

  it("is deleted: its place stays, and nothing of what it said", async () => {
    const { client, question, answer } = await begun("c_delete", "a secret");
    client.send(edit("c_delete", question, "another secret"));
    await client.next("message_edited");
    for (const message_id of [question, answer]) {
      client.send({ type: "delete", conversation_id: "c_delete", message_id });
      expect((await client.next("message_deleted")).stands).toMatchObject({ message_id, deleted_by: { id: "ann" } });
    }
    const snapshot = await (await look(world, other, "c_delete")).next("snapshot");
    expect(snapshot.messages?.map(({ message_id, message, parts }) => [message_id, message, parts])).toEqual([
      [question, "", []],
      [answer, "", []],
    ]);
    // What an edge remembers of a conversation's people may be a moment old.
    await eventually(async () => (await pageOf(other, "c_delete")).texts.join("") === "", { what: "the page" });
    expect(JSON.stringify([snapshot, (await pageOf(other, "c_delete")).body])).not.toContain("secret");
    expect(shownBy(client, "c_delete").map(({ text }) => text)).toEqual(["", ""]);
    client.send(edit("c_delete", question, "back again"));
    expect(await client.next("error")).toMatchObject({ code: "CONFLICT", frame: "edit" });
    client.send({ type: "react", conversation_id: "c_delete", message_id: answer, reaction: "x", on: true });
    expect(await client.next("error")).toMatchObject({ code: "CONFLICT", frame: "react" });
  });

  it("is reacted to, over sockets and HTTP", async () => {
    const { client, answer } = await begun("c_react");
    client.send({ type: "react", conversation_id: "c_react", message_id: answer, reaction: "👍", on: true });
    expect(await client.next("reaction")).toMatchObject({ reaction: "👍", on: true, stands: { n: 1 } });
    const put = await ask(other, "PUT", reactionOf("c_react", answer, "🎉"));
    expect(put).toMatchObject({ status: 200, body: { changes: { n: 2 } } });
    const gone = await ask(edge, "DELETE", reactionOf("c_react", answer, "👍"));
    expect(gone.body.changes).toMatchObject({ n: 3, reactions: [{ reaction: "🎉", by: [{ id: "ann" }] }] });
    await client.next("reaction");
    expect((await client.next("reaction")).stands).toEqual(gone.body.changes);
  });

  it("stays as it is when it is changed again in the same way", async () => {
    const { client, question, answer } = await begun("c_same");
    for (const one of [1, 2]) {
      const edited = await ask(edge, "PATCH", pathOf("c_same", question), { body: { message: "hi" } });
      expect([one, edited.status, edited.body.changes.n]).toEqual([one, 200, 1]);
    }
    expect((await ask(edge, "PATCH", pathOf("c_same", question), { body: { message: "hi" } })).body.changes.n).toBe(1);
    expect((await ask(other, "DELETE", reactionOf("c_same", answer, "👍"))).body).not.toHaveProperty("changes");
    for (const place of [edge, other, edge])
      expect((await ask(place, "DELETE", pathOf("c_same", answer))).body.changes.n).toBe(1);
    await client.next("message_deleted");
    expect(client.frames.filter(({ type }) => type === "message_edited" || type === "message_deleted")).toHaveLength(2);
  });

  it("is told to who was away, by its events or by the snapshot", async () => {
    const { client, question, answer } = await begun("c_away");
    const away = await look(world, other, "c_away");
    await away.next("snapshot");
    const after = away.view("c_away").seq;
    away.terminate();
    for (const text of ["one", "two", "three"]) {
      client.send(edit("c_away", question, text));
      await client.next("message_edited");
    }
    client.send({ type: "react", conversation_id: "c_away", message_id: answer, reaction: "👍", on: true });
    const last = await client.next("reaction");
    const back = await look(world, other, "c_away", { after });
    expect(await back.next("reaction")).toEqual(last);
    expect(back.frames.filter(({ type }) => type === "message_edited")).toHaveLength(3);
  });

  it("is none that is not there: neither of another conversation nor made up", async () => {
    const { answer } = await begun("c_there");
    await begun("c_elsewhere");
    for (const message of ["t_none-u", "nothing", `${"x".repeat(64)}-a`]) {
      expect((await ask(edge, "PATCH", pathOf("c_there", message), { body: { message: "x" } })).status).toBe(404);
      expect((await ask(edge, "DELETE", pathOf("c_there", message))).status).toBe(404);
      expect((await ask(edge, "PUT", reactionOf("c_there", message, "x"))).status).toBe(404);
    }
    expect((await ask(edge, "DELETE", pathOf("c_elsewhere", answer))).status).toBe(404);
  });

  it("has bounds: of its text, and of reactions", async () => {
    const { question, answer } = await begun("c_bounds");
    const write = (message: string) => ask(edge, "PATCH", pathOf("c_bounds", question), { body: { message } });
    expect(await write(" \n")).toMatchObject({ status: 400, body: { code: "EMPTY_MESSAGE" } });
    expect(await write("x".repeat(limits.messageBytes + 1))).toMatchObject({
      status: 413,
      body: { code: "MESSAGE_TOO_LARGE" },
    });
    expect((await write("ä".repeat(limits.messageBytes / 2))).status).toBe(200);
    expect((await write('a "half" \ud83d pair')).body.changes.message).toBe('a "half" \ufffd pair');
    for (let i = 0; i < 10; i++)
      expect((await ask(edge, "PUT", reactionOf("c_bounds", answer, `r${i}`))).status).toBe(200);
    const more = await ask(edge, "PUT", reactionOf("c_bounds", answer, "r10"));
    expect(more).toMatchObject({ status: 409, body: { code: "CONFLICT" } });
    expect((await ask(edge, "PUT", reactionOf("c_bounds", answer, "two words"))).status).toBe(400);
    expect((await ask(edge, "PUT", reactionOf("c_bounds", answer, "x".repeat(33)))).status).toBe(400);
  });
});

describe("a message that waits", () => {
  it("is changed and taken back in the queue", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "m1", message: "first", conversation_id: "c_waits" });
    const first = await client.next("accepted");
    client.send({ type: "message", id: "m2", message: "second", conversation_id: "c_waits" });
    const second = await client.next("accepted");
    client.send(edit("c_waits", second.message_id, "second, changed"));
    await eventually(
      () => client.frames.some((frame) => frame.type === "message" && frame.message === "second, changed"),
      { what: "its new text" },
    );
    const first_ = await ask(other, "PATCH", pathOf("c_waits", first.message_id), {
      body: { message: "first, edited" },
    });
    expect(first_.body.changes).toMatchObject({ n: 1, message: "first, edited" });
    expect((await client.next("message_edited")).message_id).toBe(first.message_id);
    const unfinished = await ask(other, "DELETE", pathOf("c_waits", `${first.turn_id}-a`));
    expect(unfinished).toMatchObject({ status: 409, body: { error: "This answer has not ended." } });
    expect((await ask(other, "DELETE", pathOf("c_waits", second.message_id))).body).not.toHaveProperty("changes");
    const taken = await world.bus.waitingTexts.read({ conversation_id: "c_waits", turn_id: second.turn_id });
    expect(taken).toMatchObject({ state: "taken back" });
  });
});
