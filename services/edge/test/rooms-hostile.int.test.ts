import { randomUUID } from "node:crypto";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectSeedClient } from "./support/seed-client.ts";
import { createRoomWorld, person, tokenOf, type RoomWorld } from "./support/room-world.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const ann = person("ann");
const bert = person("bert");
const pathOf = (id: string, more = ""): string => `/api/v1/conversations/${id}${more}`;

async function withBert(role = "writer"): Promise<string> {
  const id = await room.begin(ann);
  const body = { user_id: "bert", role };
  expect((await room.as(ann, "POST", pathOf(id, "/members"), { body })).status).toBe(204);
  return id;
}

const memberIds = async (id: string): Promise<string[]> =>
  (await room.as(ann, "GET", pathOf(id, "/members"))).body.members.map((one: { id: string }) => one.id);

describe("somebody of another tenant with the id of a member", () => {
  it.each([0, 1] as const)("takes nobody out of the conversation, at edge %i", async (at) => {
    const id = await withBert();
    for (const stranger of [person("bert", { org: "other" }), person("bert", { org: "acm" })]) {
      const answer = await room.as(stranger, "DELETE", pathOf(id, "/members/bert"), { at });
      expect(answer.status).toBe(403);
    }
    expect(await memberIds(id)).toContain("bert");
  });

  it("a member who lacks the role on which the membership depends still leaves", async () => {
    const id = await room.begin(ann);
    const body = { user_id: "bert", role: "reader", with_role: "doctor" };
    await room.as(ann, "POST", pathOf(id, "/members"), { body });
    expect((await room.as(bert, "DELETE", pathOf(id, "/members/bert"), { at: 1 })).status).toBe(204);
    expect(await memberIds(id)).toEqual(["ann"]);
  });
});

describe("what is pinned", () => {
  it("is a message of the conversation: none of another one, and none that never was", async () => {
    const id = await room.begin(ann);
    const client = await room.connect(ann);
    const turn = await room.turn(client, id, "pin me");
    await room.as(ann, "POST", pathOf(id, "/members"), { body: { user_id: "bert", role: "writer" } });
    const elsewhere = await room.turn(client, await room.begin(ann), "not me");
    const pin = (message: string, at: 0 | 1) => room.as(bert, "PUT", pathOf(id, `/messages/${message}/pin`), { at });
    for (const message of [`${elsewhere}-u`, `${elsewhere}-a`, "nothing", "__proto__", `${randomUUID()}-u`])
      for (const at of [0, 1] as const) expect([message, (await pin(message, at)).status]).toEqual([message, 404]);
    for (const message of [`${turn}-u`, `${turn}-a`])
      expect([message, (await pin(message, 1)).status]).toEqual([message, 204]);
    const { pins } = (await room.as(ann, "GET", pathOf(id, "/members"))).body;
    expect(pins).toEqual([`${turn}-a`, `${turn}-u`]);
  });
});

describe("a name of a member", () => {
  const bad = ["x\u0000y", "a\nb", "\u202eevil", "\u200f", "bell\u0007", " "];
  it.each(bad)("%j is refused", async (name) => {
    const id = await withBert();
    const body = { user_id: "cleo", role: "reader", name };
    expect((await room.as(ann, "POST", pathOf(id, "/members"), { body })).status).toBe(400);
    expect(await memberIds(id)).not.toContain("cleo");
  });
});

/** A client of another protocol on a socket, with a message that is answered until its author is removed. */
const sockets = [
  {
    path: "/api/ai/ws",
    ask: (id: string) => ({
      ...{ type: "send", requestId: "r1", id, trigger: "submit-message" },
      messages: [{ id: "u1", role: "user", parts: [{ type: "text", text: "and I?" }] }],
    }),
  },
  {
    path: "/v1/responses",
    ask: (id: string) => ({ type: "response.create", input: "and I?", conversation: id }),
  },
  { path: "/ws/chat", ask: (id: string) => ({ message: "and I?", conversation_id: id }) },
  { path: "/ws/chat", ask: (id: string) => ({ type: "message", message: "and I?", session_id: id }) },
  { path: "/api/v1/async/chatbot", ask: (id: string) => ({ type: "message", message: "and I?", session_id: id }) },
];

describe("who is removed while they are answered over a socket of another protocol", () => {
  it.each(sockets)("is told so, and nothing more, at $path", async ({ path, ask }) => {
    const id = await withBert();
    await room.as(ann, "PATCH", pathOf(id, "/room"), { body: { answers: "always" } });
    const client = await connectSeedClient(`ws://127.0.0.1:${room.edges[1].port}${path}?token=${await tokenOf(bert)}`);
    const owner = await room.connect(ann, 1);
    owner.send({ type: "subscribe", conversation_id: id });
    await owner.next("snapshot");
    client.send(ask(id));
    const waiting = async () => (await room.world.bus.turns.waiting(id))[0]?.request.turn_id;
    await eventually(async () => (await waiting()) !== undefined, { what: "the turn" });
    const turn = room.world.worker.take(id, (await waiting()) ?? "");
    await turn.token("Well, ");
    const text = (): string => JSON.stringify(client.frames);
    // An answer of Responses may have begun without text.
    await eventually(() => /Well, |response\.created/.test(text()), { what: "the beginning of the answer" });
    await room.as(ann, "DELETE", pathOf(id, "/members/bert"));
    await eventually(() => text().includes("You do not have this conversation any more."), {
      what: "the notice",
      timeoutMs: 1_500,
    });
    await turn.token("a secret");
    await turn.complete("Well, a secret");
    // What this edge has told its viewers by then it has told all of them.
    await owner.next("complete");
    expect(text()).not.toContain("secret");
    client.close();
  });
});
