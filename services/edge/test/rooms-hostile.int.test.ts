import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRoomWorld, person, type RoomWorld } from "./support/room-world.ts";

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
