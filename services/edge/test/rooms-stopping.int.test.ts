import { randomUUID } from "node:crypto";
import { subjects } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createRoomWorld, person, type Person, type RoomWorld } from "./support/room-world.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const ann = person("ann");
const bert = person("bert");
const pathOf = (id: string, path: string): string => `/api/v1/conversations/${id}${path}`;

async function withBert(role: "reader" | "writer" = "writer"): Promise<string> {
  const id = await room.begin(ann);
  await room.as(ann, "POST", pathOf(id, "/members"), { body: { user_id: "bert", role } });
  await room.as(ann, "PATCH", pathOf(id, "/room"), { body: { answers: "always" } });
  return id;
}

async function say(who: Person, id: string, how: object = {}): Promise<string> {
  const client = await room.connect(who);
  client.send({ type: "message", id: randomUUID(), message: "and?", conversation_id: id, ...how });
  const { turn_id } = await client.next("accepted");
  client.close();
  return turn_id;
}

async function isStopped(id: string, turn: string): Promise<boolean> {
  const { events } = room.world.bus;
  return (await events.last(subjects.control(events.shardOf(id), id, turn))) !== undefined;
}

it("stops with a message of a writer that interrupts what they asked themselves, and with one of the owner all", async () => {
  const id = await withBert();
  const [hers, his] = [await say(ann, id), await say(bert, id)];
  await say(bert, id, { on_busy: "interrupt" });
  expect([await isStopped(id, hers), await isStopped(id, his)]).toEqual([false, true]);
  await say(ann, id, { on_busy: "interrupt" });
  expect(await isStopped(id, hers)).toBe(true);
});

it("has a member leave by nobody of another tenant, whatever they are called", async () => {
  const id = await withBert("reader");
  const namesake = person("bert", { org: "other" });
  expect((await room.as(namesake, "DELETE", pathOf(id, "/members/bert"))).status).toBe(403);
  expect((await room.as(bert, "GET", pathOf(id, "/messages"))).status).toBe(200);
  expect((await room.as(bert, "DELETE", pathOf(id, "/members/bert"))).status).toBeLessThan(300);
  expect((await room.as(bert, "GET", pathOf(id, "/messages"))).status).toBe(403);
});

it("lets who has lost the role on which their membership depends leave", async () => {
  const id = await room.begin(ann);
  const body = { user_id: "bert", role: "reader", with_role: "doctor" };
  await room.as(ann, "POST", pathOf(id, "/members"), { body });
  const doctor = person("bert", { groups: ["doctor"] });
  expect((await room.as(doctor, "GET", pathOf(id, "/messages"))).status).toBe(200);
  expect((await room.as(bert, "GET", pathOf(id, "/messages"))).status).toBe(403);
  expect((await room.as(bert, "DELETE", pathOf(id, "/members/bert"))).status).toBeLessThan(300);
  expect((await room.as(doctor, "GET", pathOf(id, "/messages"))).status).toBe(403);
});

it("pins no message that is not there, or was deleted", async () => {
  const id = await withBert();
  const { messages } = (await room.as(ann, "GET", pathOf(id, "/messages"))).body;
  const { message_id } = messages[0];
  const pinned = async (message: string): Promise<number> =>
    (await room.as(bert, "PUT", pathOf(id, `/messages/${message}/pin`))).status;
  for (const none of ["m-1", `${randomUUID()}-u`, message_id.replace(/^./, "_")]) expect(await pinned(none)).toBe(404);
  expect(await pinned(message_id)).toBeLessThan(300);
  await room.as(bert, "DELETE", pathOf(id, `/messages/${message_id}/pin`));
  expect((await room.as(ann, "DELETE", pathOf(id, `/messages/${message_id}`))).status).toBeLessThan(300);
  expect(await pinned(message_id)).toBe(409);
  expect((await room.world.bus.people.of(id))?.people?.pins).toEqual([]);
});

it("answers in place of the agent for a writer who has taken the conversation over", async () => {
  const { world } = room;
  const id = await withBert();
  const staff = person("bert", { groups: ["operator"] });
  const author = { role: "user", id: "ann" } as const;
  const waits = { turn_id: randomUUID(), reason: "help", waitMs: 60_000, idleMs: 60_000, tenant: "acme" };
  await world.bus.handovers.ask(id, { by: author, user: { id: "ann" }, ...waits });
  const byMember = await say(staff, id);
  const { status } = await room.as(staff, "POST", `/api/v1/handovers/${id}/take`);
  expect(status).toBeLessThan(300);
  const taken = await say(staff, id);
  const queued = await world.bus.turns.waiting(id);
  const kindOf = (turn: string) => queued.find(({ request }) => request.turn_id === turn)?.request.handover;
  expect([kindOf(byMember), kindOf(taken)]).toEqual([undefined, "answer"]);
});
