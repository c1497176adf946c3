import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricOf } from "./support/edge-fixture.ts";
import { createRoomWorld, person, type Person, type RoomWorld } from "./support/room-world.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const ann = person("ann");
const bert = person("bert");
const cora = person("cora");
const pathOf = (id: string, more = ""): string => `/api/v1/conversations/${id}${more}`;

const add = async (id: string, who: Person, role: string, more: object = {}) =>
  room.as(ann, "POST", pathOf(id, "/members"), { body: { user_id: who.name, role, ...more } });

const membersOf = async (id: string, who = ann, at: 0 | 1 = 0) => room.as(who, "GET", pathOf(id, "/members"), { at });

const isListed = async (id: string, who: Person): Promise<boolean> => {
  const { body } = await room.as(who, "GET", "/api/v1/conversations?limit=50", { at: 1 });
  const listed: readonly { conversation_id: string }[] = body.conversations;
  return listed.some(({ conversation_id }) => conversation_id === id);
};

describe("members of a conversation", () => {
  it("are added by the owner, read by all of them, and told to who looks on, once", async () => {
    const id = await room.begin(ann);
    expect((await membersOf(id)).body).toMatchObject({
      ...{ n: 0, you: "owner", answers: "always", member_count: 1, invites: [], pins: [], agents: [] },
      members: [{ id: "ann", role: "owner" }],
    });
    const client = await room.connect(ann, 1);
    client.send({ type: "subscribe", conversation_id: id });
    await client.next("snapshot");
    expect((await add(id, bert, "writer", { name: "Bert" })).status).toBe(204);
    expect((await add(id, bert, "writer", { name: "Bert" })).status).toBe(204);
    expect(await client.next("member")).toMatchObject({
      ...{ n: 1, by: { role: "user", id: "ann" }, member_count: 2, answers: "mention" },
      people: [
        { id: "ann", name: "ANN", role: "owner" },
        { id: "bert", name: "Bert", role: "writer" },
      ],
    });
    const { body } = await membersOf(id, bert, 1);
    expect(body).toMatchObject({ n: 1, you: "writer", members: [{ id: "ann", name: "ANN" }, { id: "bert" }] });
    expect(body.invites).toBeUndefined();
    expect(client.frames.filter(({ type }) => type === "member")).toHaveLength(1);
  });

  it("are in what each of them reads of the conversation, with as what they stand in it, live, anew and over HTTP", async () => {
    const id = await room.begin(ann);
    const early = await room.connect(ann, 1);
    early.send({ type: "subscribe", conversation_id: id });
    expect((await early.next("snapshot")).room).toBeUndefined();
    expect((await room.as(ann, "GET", pathOf(id, "/messages"))).body.room).toBeUndefined();
    await add(id, bert, "writer");
    await add(id, cora, "reader");
    const { messages } = (await room.as(ann, "GET", pathOf(id, "/messages"))).body;
    const message: string = messages[0].message_id;
    await room.as(bert, "PUT", pathOf(id, `/messages/${message}/pin`));
    const pinned = await early.next("pin");
    expect(pinned).toMatchObject({ n: 3, message_id: message, on: true, by: { id: "bert" }, pins: [message] });
    const members = [
      { id: "ann", role: "owner" },
      { id: "bert", role: "writer" },
      { id: "cora", role: "reader" },
    ];
    for (const [who, you] of [
      [ann, "owner"],
      [bert, "writer"],
      [cora, "reader"],
    ] as const) {
      const expected = { n: 3, you, owner: { id: "ann" }, members, member_count: 3, pins: [message] };
      const client = await room.connect(who, 0);
      client.send({ type: "subscribe", conversation_id: id });
      expect((await client.next("snapshot")).room).toMatchObject(expected);
      expect((await room.as(who, "GET", pathOf(id, "/messages"), { at: 1 })).body.room).toMatchObject(expected);
    }
    expect((await room.as(cora, "PUT", pathOf(id, `/messages/${message}/pin`))).status).toBe(403);
  });

  it("are changed by nobody but the owner, of what a member may not do they are told so", async () => {
    const id = await room.begin(ann);
    await add(id, bert, "writer");
    const body = { user_id: "cora", role: "reader" };
    for (const who of [bert, cora, person("ann", { org: "other" })]) {
      expect((await room.as(who, "POST", pathOf(id, "/members"), { body })).status).toBe(403);
      expect((await room.as(who, "PATCH", pathOf(id, "/members/bert"), { body: { role: "owner" } })).status).toBe(403);
      expect((await room.as(who, "POST", pathOf(id, "/invites"), { body: { role: "writer" } })).status).toBe(403);
      expect((await room.as(who, "PATCH", pathOf(id, "/room"), { body: { answers: "never" } })).status).toBe(403);
    }
    expect((await room.as(cora, "DELETE", pathOf(id, "/members/bert"))).status).toBe(403);
    expect((await room.as(cora, "GET", pathOf(id, "/members"))).status).toBe(403);
    expect((await room.as(ann, "POST", pathOf("c_nobodys", "/members"), { body })).status).toBe(404);
    expect((await membersOf(id)).body.member_count).toBe(2);
  });

  it("get the conversation from its owner, who is a writer then and may leave; an owner may not", async () => {
    const id = await room.begin(ann);
    const leave = async (who: Person) => room.as(who, "DELETE", pathOf(id, `/members/${who.name}`));
    expect(await leave(ann)).toMatchObject({ status: 409, body: { error: expect.stringContaining("hand it over") } });
    expect((await room.as(ann, "PATCH", pathOf(id, "/members/bert"), { body: { role: "owner" } })).status).toBe(404);
    await add(id, bert, "reader");
    expect((await room.as(ann, "PATCH", pathOf(id, "/members/bert"), { body: { role: "owner" } })).status).toBe(204);
    expect((await membersOf(id, ann)).body).toMatchObject({
      ...{ you: "writer", owner: { id: "bert" } },
      members: [
        { id: "bert", role: "owner" },
        { id: "ann", name: "ANN", role: "writer" },
      ],
    });
    expect((await room.as(ann, "DELETE", pathOf(id))).status).toBe(403);
    expect((await leave(ann)).status).toBe(204);
    expect((await leave(ann)).status).toBe(204);
    expect((await room.as(ann, "GET", pathOf(id, "/messages"))).status).toBe(403);
    expect((await room.as(bert, "GET", pathOf(id, "/messages"), { at: 1 })).status).toBe(200);
  });

  it("whose membership depends on a role have a part in it for as long as they have the role", async () => {
    const id = await room.begin(ann);
    await add(id, bert, "writer", { with_role: "doctor" });
    const doctor = person("bert", { groups: ["doctor"] });
    expect((await membersOf(id, doctor, 1)).body).toMatchObject({ you: "writer" });
    expect((await membersOf(id, bert, 1)).status).toBe(403);
    expect((await room.as(bert, "DELETE", pathOf(id, "/members/bert"))).status).toBe(204);
    expect((await membersOf(id, doctor)).status).toBe(403);
  });

  it("have it in their lists and find it, until they have no part in it or it is deleted", async () => {
    const id = await room.begin(ann, "pineapple");
    expect(await isListed(id, bert)).toBe(false);
    await add(id, bert, "reader");
    await add(id, cora, "writer");
    await eventually(async () => (await isListed(id, bert)) && isListed(id, cora), { what: "lists of members" });
    const found = await room.as(bert, "GET", "/api/v1/conversations?q=pineapple");
    expect(found.body).toMatchObject({ conversations: [{ conversation_id: id, title: "pineapple" }] });
    await room.as(ann, "DELETE", pathOf(id, "/members/bert"));
    await eventually(async () => !(await isListed(id, bert)), { what: "a list without it" });
    expect(await isListed(id, cora)).toBe(true);
    expect((await room.as(cora, "DELETE", pathOf(id))).status).toBe(403);
    expect((await room.as(ann, "DELETE", pathOf(id))).status).toBe(204);
    expect(await isListed(id, cora)).toBe(false);
    for (const who of [bert, cora]) expect((await membersOf(id, who)).status).toBe(403);
    expect((await room.edges[1].bus.people.of(id))?.people).toBeUndefined();
  });

  it("move the conversation up in each other's lists", async () => {
    const id = await room.begin(ann, "older");
    await add(id, cora, "writer");
    const other = await room.begin(cora, "newer");
    const first = async (who: Person): Promise<string> =>
      (await room.as(who, "GET", "/api/v1/conversations?limit=1")).body.conversations[0]?.conversation_id;
    await eventually(async () => (await first(cora)) === other && isListed(id, cora), { what: "both conversations" });
    const client = await room.connect(ann);
    await room.turn(client, id, "again");
    await eventually(async () => (await first(cora)) === id, { what: "the conversation that goes on" });
  });

  it("are counted, and who did what is in the audit log", async () => {
    const [edge] = room.edges;
    const before = await metricOf(edge, "parley_edge_room_changes_total");
    const id = await room.begin(ann);
    await add(id, bert, "writer");
    await room.as(ann, "PATCH", pathOf(id, "/members/bert"), { body: { role: "reader" } });
    await room.as(ann, "DELETE", pathOf(id, "/members/bert"));
    expect(await metricOf(edge, "parley_edge_room_changes_total")).toBe(before + 3);
  });
});

describe("the rules of a conversation", () => {
  it("are changed by the owner and told, also that nobody says any more", async () => {
    const id = await room.begin(ann);
    const client = await room.connect(ann, 1);
    client.send({ type: "subscribe", conversation_id: id });
    await client.next("snapshot");
    const agents = [{ handle: "helper", agent: "general" }];
    const settings = async (body: object) => (await room.as(ann, "PATCH", pathOf(id, "/room"), { body })).status;
    expect(await settings({ answers: "never", agents, keeps_history: true })).toBe(204);
    expect(await client.next("member")).toMatchObject({
      ...{ people: [{ id: "ann", name: "ANN", role: "owner" }], answers: "never", agents },
    });
    expect((await membersOf(id)).body).toMatchObject({ answers: "never", agents, keeps_history: true });
    expect(await settings({ answers: null })).toBe(204);
    expect(await client.next("member")).toMatchObject({ answers: "always", agents });
    expect(client.view(id).room).toMatchObject({ owner: { id: "ann", name: "ANN" }, member_count: 1 });
    expect(await settings({ agents: [...agents, ...agents] })).toBe(400);
    expect(await settings({ answers: "sometimes" })).toBe(400);
  });
});
