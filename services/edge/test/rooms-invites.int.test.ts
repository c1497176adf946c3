import { createHash } from "node:crypto";
import { limits, streams, subjects } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRoomWorld, person, type Person, type RoomWorld } from "./support/room-world.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const ann = person("ann");
const bert = person("bert");
const pathOf = (id: string, more = ""): string => `/api/v1/conversations/${id}${more}`;

const invite = async (id: string, body: object) => room.as(ann, "POST", pathOf(id, "/invites"), { body });
const join = async (who: Person, link: string, at: 0 | 1 = 0) =>
  room.as(who, "POST", "/api/v1/conversations/join", { at, body: { invite: link } });
const peopleOf = async (id: string) => (await room.as(ann, "GET", pathOf(id, "/members"))).body;

describe("an invitation by link", () => {
  it("is told once, kept as a hash, and makes whoever takes it a member who reads and has it listed", async () => {
    const id = await room.begin(ann, "come in");
    const made = await invite(id, { role: "writer" });
    expect(made).toMatchObject({ status: 201, body: { role: "writer", by: { id: "ann" }, conversation_id: id } });
    const link: string = made.body.invite;
    expect(link.startsWith(`${id}.`)).toBe(true);
    const secret = link.slice(id.length + 1);
    expect(Buffer.from(secret, "base64url")).toHaveLength(16);
    const record = await room.world.bus.people.of(id);
    expect(JSON.stringify(record)).not.toContain(secret);
    expect(record?.people?.invites[0]?.hash).toBe(createHash("sha256").update(secret).digest("base64url"));
    const { invites } = await peopleOf(id);
    expect(invites).toMatchObject([{ invite_id: made.body.invite_id, role: "writer" }]);
    expect(JSON.stringify(invites)).not.toContain("hash");
    const client = await room.connect(ann, 1);
    client.send({ type: "subscribe", conversation_id: id });
    await client.next("snapshot");
    expect(await join(bert, link, 1)).toMatchObject({
      ...{ status: 200, body: { conversation_id: id, role: "writer", joined: true } },
    });
    expect(await client.next("member")).toMatchObject({
      by: { id: "bert" },
      people: [
        { id: "ann", name: "ANN", role: "owner" },
        { id: "bert", name: "BERT" },
      ],
    });
    expect((await room.as(bert, "GET", pathOf(id, "/messages"))).status).toBe(200);
    const isListed = async (): Promise<boolean> =>
      (await room.as(bert, "GET", "/api/v1/conversations")).body.conversations.some(
        (one: { conversation_id: string }) => one.conversation_id === id,
      );
    await eventually(isListed, { what: "the list of who joined" });
  });

  it("counts only who was no member, and never lets in more than it was for: fifty at once, on two edges", async () => {
    const id = await room.begin(ann);
    const { body } = await invite(id, { role: "reader", uses: 3 });
    expect((await join(bert, body.invite)).body.joined).toBe(true);
    for (const at of [0, 1] as const) expect((await join(bert, body.invite, at)).body.joined).toBe(false);
    expect((await join(ann, body.invite)).body).toMatchObject({ role: "owner", joined: false });
    expect((await peopleOf(id)).invites).toMatchObject([{ uses_left: 2 }]);
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, i) => join(person(`p${i}`), body.invite, i % 2 === 0 ? 0 : 1)),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(all.filter(({ status }) => status === 404)).toHaveLength(48);
    expect(await peopleOf(id)).toMatchObject({ member_count: 4, invites: [] });
  });

  it("is none for another tenant, when it was taken back, and for whoever makes one up", async () => {
    const id = await room.begin(ann);
    const { body } = await invite(id, { role: "writer" });
    expect((await join(person("eve", { org: "other" }), body.invite)).status).toBe(404);
    for (const wrong of [`${id}.`, id, "", ".", `${id}.AAAA`, `c_other.${body.invite.split(".")[1]}`, "a b.c"])
      expect((await join(bert, wrong)).status).toBe(404);
    expect((await room.as(bert, "DELETE", pathOf(id, `/invites/${body.invite_id}`))).status).toBe(403);
    for (let i = 0; i < 2; i++)
      expect((await room.as(ann, "DELETE", pathOf(id, `/invites/${body.invite_id}`))).status).toBe(204);
    expect((await join(bert, body.invite)).status).toBe(404);
    expect(await peopleOf(id)).toMatchObject({ member_count: 1, invites: [] });
  });

  it("runs out by the broker's clock", async () => {
    const id = await room.begin(ann);
    const { body } = await invite(id, { role: "writer", expires_in_ms: 1_000 });
    const nowMs = await room.edges[0].bus.people.nowMs();
    expect(body.expires_at - nowMs).toBeGreaterThan(0);
    expect(body.expires_at - nowMs).toBeLessThanOrEqual(1_000);
    await eventually(async () => (await room.edges[1].bus.people.nowMs()) > body.expires_at, { what: "its time" });
    expect((await join(bert, body.invite, 1)).status).toBe(404);
    expect((await peopleOf(id)).invites).toEqual([]);
  });

  it("makes a reader a writer, and a writer no reader", async () => {
    const id = await room.begin(ann);
    const [asReader, asWriter] = [await invite(id, { role: "reader" }), await invite(id, { role: "writer", uses: 5 })];
    expect((await join(bert, asReader.body.invite)).body).toMatchObject({ role: "reader", joined: true });
    expect((await join(bert, asWriter.body.invite)).body).toMatchObject({ role: "writer", joined: true });
    expect((await join(bert, asReader.body.invite)).body).toMatchObject({ role: "writer", joined: false });
    expect(await peopleOf(id)).toMatchObject({ member_count: 2, invites: [{}, { uses_left: 4 }] });
  });

  it("is bounded, as are all of a conversation together", async () => {
    const id = await room.begin(ann);
    for (let i = 0; i < limits.roomInvites; i++) expect((await invite(id, { role: "reader" })).status).toBe(201);
    expect((await invite(id, { role: "reader" })).status).toBe(409);
    for (const body of [{ role: "owner" }, { role: "reader", uses: 0 }, { role: "reader", expires_in_ms: 1e12 }, {}])
      expect((await invite(id, body)).status).toBe(400);
    expect((await room.as(bert, "POST", "/api/v1/conversations/join", { body: {} })).status).toBe(400);
  });
});

describe("an invitation for a role", () => {
  it("lets in who has the role, for as long as they have it, and nobody else", async () => {
    const id = await room.begin(ann);
    const made = await invite(id, { role: "writer", for_role: "doctor" });
    expect(made.body.invite).toBeUndefined();
    const joinAs = async (who: Person) =>
      room.as(who, "POST", "/api/v1/conversations/join", { at: 1, body: { conversation_id: id } });
    const doctor = person("dora", { groups: ["doctor"] });
    expect((await joinAs(person("dora"))).status).toBe(404);
    expect((await joinAs({ ...doctor, org: "other" })).status).toBe(404);
    expect((await joinAs(doctor)).body).toMatchObject({ role: "writer", joined: true });
    expect((await joinAs(doctor)).body).toMatchObject({ joined: false });
    expect((await room.as(doctor, "GET", pathOf(id, "/messages"))).status).toBe(200);
    expect((await room.as(person("dora"), "GET", pathOf(id, "/messages"))).status).toBe(403);
    expect((await peopleOf(id)).members).toMatchObject([{}, { id: "dora", with_role: "doctor" }]);
  });
});

describe("a thousand who join at once", () => {
  it("are all members then, in few writes, and one more is told that there is no room", async () => {
    const id = await room.begin(ann);
    const { body } = await invite(id, { role: "writer" });
    const shard = room.world.bus.events.shardOf(id);
    const joined = await Promise.all(
      Array.from({ length: limits.roomMembers }, async (_, i) =>
        join(person(`m${i}`), body.invite, i % 2 === 0 ? 0 : 1),
      ),
    );
    expect(joined.filter(({ status }) => status !== 200)).toEqual([]);
    const people = await peopleOf(id);
    expect([people.member_count, people.members.length]).toEqual([limits.roomMembers + 1, limits.roomMembers + 1]);
    // Each edge writes for all who wait there.
    expect(people.n).toBeLessThan(200);
    expect((await join(person("late"), body.invite)).status).toBe(409);
    const query = JSON.stringify({ subjects_filter: subjects.people(shard, id) });
    const info = await room.world.bus.nc.request(`$JS.API.STREAM.INFO.${streams.log(shard)}`, query);
    const { state } = info.json<{ state: { subjects: Record<string, number> } }>();
    expect(state.subjects[subjects.people(shard, id)]).toBeLessThanOrEqual(2);
    const client = await room.connect(person("m5"), 1);
    client.send({ type: "subscribe", conversation_id: id });
    const { room: shown } = await client.next("snapshot");
    expect([shown?.member_count, shown?.members.length]).toEqual([limits.roomMembers + 1, limits.roomMembersShown]);
  }, 120_000);
});
