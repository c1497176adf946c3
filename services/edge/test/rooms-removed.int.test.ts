import { responseIdOf } from "@parley/dialects";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenOf, createRoomWorld, person, type RoomWorld } from "./support/room-world.ts";
import { request } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const ann = person("ann");
const bert = person("bert");
const pathOf = (id: string, more = ""): string => `/api/v1/conversations/${id}${more}`;

async function withBert(role = "writer", more: object = {}): Promise<string> {
  const id = await room.begin(ann);
  const body = { user_id: "bert", role, ...more };
  expect((await room.as(ann, "POST", pathOf(id, "/members"), { body })).status).toBe(204);
  return id;
}

const remove = async (id: string): Promise<void> => {
  expect((await room.as(ann, "DELETE", pathOf(id, "/members/bert"))).status).toBe(204);
};

async function watching(id: string, at: 0 | 1, who = bert): Promise<TestClient> {
  const client = await room.connect(who, at);
  client.send({ type: "subscribe", conversation_id: id });
  await client.next("snapshot");
  return client;
}

const notice = { type: "error", code: "FORBIDDEN", frame: "subscribe" };

describe("a member who was removed", () => {
  it("is told so on each of their sockets, on every edge within a second, and gets nothing that comes then", async () => {
    const id = await withBert();
    const clients = [await watching(id, 0), await watching(id, 1), await watching(id, 1)];
    const cora = await room.connect(ann, 1);
    cora.send({ type: "subscribe", conversation_id: id });
    await cora.next("snapshot");
    await remove(id);
    for (const client of clients)
      expect(await client.next("error", { timeoutMs: 1_000 })).toMatchObject({ ...notice, conversation_id: id });
    await room.turn(cora, id, "between us");
    await cora.next("complete");
    for (const client of clients) {
      const seen = client.frames.filter((frame) => "seq" in frame && !["snapshot", "subscribed"].includes(frame.type));
      expect(seen).toEqual([]);
      client.send({ type: "subscribe", conversation_id: id });
      expect(await client.next("error")).toMatchObject(notice);
      expect(client.frames.filter(({ type }) => type === "snapshot")).toHaveLength(1);
    }
  });

  it("is sent away also where the event of it was never written", async () => {
    const id = await withBert();
    const client = await watching(id, 1);
    await room.world.bus.people.change(id, (people) => ({ people: { ...people, members: [] } }));
    expect(await client.next("error", { timeoutMs: 1_000 })).toMatchObject(notice);
  });

  it("is sent away from what they look at over HTTP, in each protocol, also from the answer to their own message", async () => {
    const id = await withBert();
    await room.as(ann, "PATCH", pathOf(id, "/room"), { body: { answers: "always" } });
    const client = await room.connect(ann);
    client.send({ type: "message", id: "long", message: "a long one", conversation_id: id });
    const { turn_id } = await client.next("accepted");
    const turn = room.world.worker.take(id, turn_id);
    await turn.token("Well, ");
    const headers = { authorization: `Bearer ${await tokenOf(bert)}` };
    const ask = (method: string, path: string, more: { body?: object; accept?: string } = {}) => {
      const { body, accept } = more;
      const asked = { user: null, headers: { ...headers, ...(accept === undefined ? {} : { accept }) } };
      return request(room.edges[1], method, path, { ...asked, ...(body === undefined ? {} : { body }) });
    };
    const events = "text/event-stream";
    const message = { message: "and I?", conversation_id: id };
    const streams = await Promise.all([
      ask("GET", `/v1/conversations/${id}/stream?offset=now&live=sse`, { accept: events }),
      ask("GET", `/v1/responses/${responseIdOf({ conversation_id: id, turn_id, segment: 0 })}?stream=true`, {
        accept: events,
      }),
      ask("POST", "/api/v1/chat", { body: message, accept: events }),
    ]);
    const waiting = [
      ask("POST", "/api/v1/chat", { body: { ...message, message: "and now?" } }),
      ask("GET", `/v1/conversations/${id}/stream?offset=now&live=long-poll`),
    ];
    const isQueued = async (): Promise<boolean> => (await room.world.bus.turns.waiting(id)).length === 3;
    await eventually(isQueued, { what: "their own messages" });
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
    await remove(id);
    const isGone = async (): Promise<boolean> =>
      (await room.as(bert, "GET", pathOf(id, "/members"), { at: 1 })).status === 403;
    await eventually(isGone, { what: "their removal", timeoutMs: 1_000 });
    await turn.token("a secret");
    // Each ends by itself; what has not ended would wait for the turn, which does not.
    const texts = await Promise.all(streams.map((answer) => answer.text().catch(() => "cut")));
    for (const text of texts) expect(text).not.toContain("secret");
    const answers = await Promise.all(waiting);
    expect(answers[0]?.status).toBe(403);
    // What came before may have been enough for the other one.
    for (const answer of answers) expect(await answer.text()).not.toContain("secret");
  });

  it("who loses the role on which their membership depends looks on no more with their next token", async () => {
    const id = await withBert("reader", { with_role: "doctor" });
    const client = await watching(id, 0, person("bert", { groups: ["doctor"] }));
    client.send({ type: "auth", token: await tokenOf(person("bert", { groups: ["doctor", "nurse"] })) });
    await client.next("auth_success");
    expect(client.frames.filter(({ type }) => type === "error")).toEqual([]);
    client.send({ type: "auth", token: await tokenOf(bert) });
    expect(await client.next("error")).toMatchObject(notice);
  });

  it("ends without a view when they subscribe at that moment", async () => {
    const rounds = Array.from({ length: 12 }, async (_, i) => {
      const id = await withBert();
      const client = await room.connect(bert, i % 2 === 0 ? 0 : 1);
      // Let in as far as that edge remembers.
      client.send({ type: "subscribe", conversation_id: id });
      await client.next("snapshot");
      client.send({ type: "unsubscribe", conversation_id: id });
      const removed = remove(id);
      client.send({ type: "subscribe", conversation_id: id });
      await removed;
      expect(await client.next("error", { timeoutMs: 2_000 })).toMatchObject(notice);
      return { id, client, seen: client.frames.length };
    });
    const all = await Promise.all(rounds);
    for (const { id, client, seen } of all) {
      await room.world.bus.titles.give(id, { title: "secret" });
      await eventually(async () => (await room.as(ann, "GET", pathOf(id, "/messages"))).body.title === "secret", {
        what: "the title",
      });
      expect(client.frames.slice(seen).filter(({ type }) => type === "title")).toEqual([]);
    }
  });

  it("does not look on at what its first owner begins anew after it was deleted", async () => {
    const id = await withBert();
    const client = await watching(id, 1);
    expect((await room.as(ann, "DELETE", pathOf(id))).status).toBe(204);
    const owner = await room.connect(ann, 1);
    await eventually(() => client.frames.some((frame) => frame.type === "error" && frame.code === "FORBIDDEN"), {
      what: "the notice",
      timeoutMs: 1_500,
    });
    await room.turn(owner, id, "anew");
    await owner.next("complete");
    expect(client.frames.some(({ type }) => type === "message")).toBe(false);
    expect((await room.as(bert, "GET", pathOf(id, "/messages"), { at: 1 })).status).toBe(403);
  });
});
