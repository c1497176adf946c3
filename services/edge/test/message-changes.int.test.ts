import { messages } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

interface Said {
  readonly answer: string;
  readonly question: string;
}

async function say(client: TestClient, conversation_id: string, message: string): Promise<Said> {
  client.send({ type: "message", id: message, message, conversation_id });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user", id: "ann" }, message });
  await world.worker.take(conversation_id, turn_id).complete(`${message} answered`);
  await client.next("complete");
  return { answer: `${turn_id}-a`, question: message_id };
}

/** A conversation of Ann's with one answered message. */
async function begun(id: string, message = "hello"): Promise<Said & { readonly client: TestClient }> {
  const client = await world.connect(edge);
  return { client, ...(await say(client, id, message)) };
}

async function look(id: string, place = other, after?: number): Promise<TestClient> {
  const viewer = await world.connect(place);
  viewer.send({ type: "subscribe", conversation_id: id, ...(after === undefined ? {} : { after }) });
  await viewer.next("subscribed");
  return viewer;
}

const pathOf = (id: string, message: string): string => `/api/v1/conversations/${id}/messages/${message}`;
const pageOf = async (id: string, place = other) =>
  (await ask(place, "GET", `/api/v1/conversations/${id}/messages`, { user: "ann" })).body;

function shownBy(client: TestClient, id: string): { text: string; changes?: object }[] {
  return messages(client.view(id)).map(({ parts, changes }) => ({
    text: parts.map((part) => ("text" in part && typeof part.text === "string" ? part.text : "")).join(""),
    ...(changes === undefined ? {} : { changes }),
  }));
}

describe("a message that was said", () => {
  it("is edited by its author: told on every edge, and laid over snapshots and transcripts", async () => {
    const { client, question } = await begun("c_edit");
    const viewer = await look("c_edit");
    client.send({ type: "edit", conversation_id: "c_edit", message_id: question, message: "good evening" });
    const told = await client.next("message_edited");
    expect(told).toMatchObject({ message_id: question, message: "good evening", by: { role: "user", id: "ann" } });
    expect(told.stands).toMatchObject({ n: 1, message: "good evening", reactions: [] });
    expect((await viewer.next("message_edited")).stands).toEqual(told.stands);

    const late = await look("c_edit");
    const snapshot = await late.next("snapshot");
    expect(snapshot.messages?.map(({ message }) => message)).toEqual(["good evening", "hello answered"]);
    expect(snapshot.changes).toEqual([told.stands]);
    const page = await pageOf("c_edit");
    expect(page.messages.map(({ message }: { message: string }) => message)).toEqual([
      "good evening",
      "hello answered",
    ]);
    expect(page.changes).toEqual([told.stands]);
    for (const one of [client, viewer, late])
      expect(shownBy(one, "c_edit")).toEqual([
        { text: "good evening", changes: told.stands },
        { text: "hello answered" },
      ]);
  });

  it("is deleted: its place stays, and nothing of what it said", async () => {
    const { client, question, answer } = await begun("c_delete", "a secret");
    client.send({ type: "edit", conversation_id: "c_delete", message_id: question, message: "another secret" });
    await client.next("message_edited");
    for (const message_id of [question, answer]) {
      client.send({ type: "delete", conversation_id: "c_delete", message_id });
      expect((await client.next("message_deleted")).stands).toMatchObject({ message_id, deleted_by: { id: "ann" } });
    }
    const snapshot = await (await look("c_delete")).next("snapshot");
    expect(snapshot.messages?.map(({ message_id, message, parts }) => [message_id, message, parts])).toEqual([
      [question, "", []],
      [answer, "", []],
    ]);
    expect(JSON.stringify([snapshot, await pageOf("c_delete")])).not.toContain("secret");
    expect(shownBy(client, "c_delete").map(({ text }) => text)).toEqual(["", ""]);
  });

  it("is reacted to, over sockets and HTTP", async () => {
    const { client, answer } = await begun("c_react");
    client.send({ type: "react", conversation_id: "c_react", message_id: answer, reaction: "👍", on: true });
    expect(await client.next("reaction")).toMatchObject({ reaction: "👍", on: true, stands: { n: 1 } });
    const put = await ask(other, "PUT", `${pathOf("c_react", answer)}/reactions/${encodeURIComponent("🎉")}`, {
      user: "ann",
    });
    expect(put).toMatchObject({ status: 200, body: { changes: { n: 2 } } });
    const gone = await ask(edge, "DELETE", `${pathOf("c_react", answer)}/reactions/${encodeURIComponent("👍")}`, {
      user: "ann",
    });
    expect(gone.body.changes).toMatchObject({ n: 3, reactions: [{ reaction: "🎉", by: [{ id: "ann" }] }] });
    await client.next("reaction");
    expect((await client.next("reaction")).stands).toEqual(gone.body.changes);
  });
});
