import { randomUUID } from "node:crypto";
import { connectRedis } from "@parley/bus";
import { responseIdOf } from "@parley/dialects";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "./support/http-client.ts";
import { createRoomWorld, person, tokenOf, type Person, type RoomWorld } from "./support/room-world.ts";
import { log } from "./support/edge-fixture.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const owner = person("olga");
const writer = person("wim");
const reader = person("rita");
/** None of these may do anything. */
const outsiders = [person("stan"), person("remo"), person("olga", { org: "other" }), person("wim", { org: "other" })];

interface Place {
  readonly id: string;
  /** A turn of the owner's that runs, and one that waits behind it. */
  readonly running: string;
  readonly waiting: string;
  readonly ended: string;
}

/** A conversation with a writer, a reader, and somebody who was removed; in it an answer, a turn that runs and one that waits. */
async function place(): Promise<Place> {
  const id = `c_${randomUUID()}`;
  const client = await room.connect(owner);
  const ended = await room.turn(client, id, "hello");
  for (const [who, role] of [
    [writer, "writer"],
    [reader, "reader"],
    [person("remo"), "writer"],
  ] as const)
    await room.as(owner, "POST", `/api/v1/conversations/${id}/members`, { body: { user_id: who.name, role } });
  await room.as(owner, "DELETE", `/api/v1/conversations/${id}/members/remo`);
  // Else what one says in it would be for the others, and no turn.
  await room.as(owner, "PATCH", `/api/v1/conversations/${id}/room`, { body: { answers: "always" } });
  const turns: string[] = [];
  for (const message of ["runs", "waits"]) {
    client.send({ type: "message", id: randomUUID(), message, conversation_id: id, on_busy: "enqueue" });
    turns.push((await client.next("accepted")).turn_id);
  }
  const [running = "", waiting = ""] = turns;
  await room.world.worker.take(id, running).token("Well");
  client.close();
  return { id, running, waiting, ended };
}

type Role = "reader" | "writer" | "owner";
const people: Record<Role, Person> = { reader, writer, owner };
const roles: readonly Role[] = ["reader", "writer", "owner"];

const all: readonly Role[] = roles;
const writers: readonly Role[] = ["writer", "owner"];
const owners: readonly Role[] = ["owner"];
const nobody: readonly Role[] = [];

interface Row {
  readonly what: string;
  readonly who: readonly Role[];
  readonly frame: (place: Place) => object;
}

const frames: readonly Row[] = [
  { what: "subscribe", who: all, frame: () => ({ type: "subscribe" }) },
  { what: "subscribe with a cursor", who: all, frame: () => ({ type: "subscribe", after: 1 }) },
  { what: "message", who: writers, frame: () => ({ type: "message", id: randomUUID(), message: "and?" }) },
  { what: "title", who: owners, frame: () => ({ type: "title", title: "mine" }) },
  { what: "pin", who: writers, frame: ({ ended }) => ({ type: "pin", message_id: `${ended}-u`, on: true }) },
  { what: "cancel of another's turn", who: owners, frame: ({ running }) => ({ type: "cancel", turn_id: running }) },
  {
    what: "queue of another's message",
    who: owners,
    frame: ({ waiting }) => ({ type: "queue", turn_id: waiting, message: "other words" }),
  },
  {
    what: "feedback",
    who: all,
    frame: ({ ended }) => ({ type: "feedback", message_id: `${ended}-a`, rating: "up" }),
  },
  { what: "the end of a hand-over", who: writers, frame: () => ({ type: "handover", id: "end", end: true }) },
  {
    what: "a wish for a person",
    who: writers,
    frame: () => ({ type: "handover", id: randomUUID(), reason: "help" }),
  },
  {
    what: "regenerate",
    who: writers,
    frame: ({ ended }) => ({ type: "regenerate", id: randomUUID(), message_id: `${ended}-a` }),
  },
  {
    what: "a decision on a call of another's turn",
    who: owners,
    frame: ({ running }) => ({ type: "approve", call_id: `${running}-0-0`, approved: true }),
  },
];

/** Whether it was refused for want of a right: a sentence of its own tells of anything else. */
async function isForbidden(who: Person, at: 0 | 1, frame: object): Promise<boolean> {
  const client = await room.connect(who, at);
  client.send(frame);
  client.send({ type: "ping" });
  await client.next("pong");
  const answered = async (): Promise<boolean> =>
    client.frames.some(({ type }) => !["auth_success", "welcome", "pong"].includes(type));
  await eventually(answered, { what: "an answer", timeoutMs: 700 }).catch(() => false);
  const isRefused = client.frames.some((one) => one.type === "error" && one.code === "FORBIDDEN");
  const shown = client.frames.filter(({ type }) => ["snapshot", "message", "token", "complete"].includes(type));
  client.close();
  if (isRefused && shown.length > 0) throw new Error(`shown to who may not read it: ${JSON.stringify(shown)}`);
  return isRefused;
}

describe("P9: over a socket, on either edge", () => {
  it.each(frames)("$what is for $who", async ({ who, frame }) => {
    const where = await place();
    const asked = (): object => ({ ...frame(where), conversation_id: where.id });
    const refused = await Promise.all(
      outsiders.flatMap((one) => ([0, 1] as const).map((at) => isForbidden(one, at, asked()))),
    );
    expect(refused).toEqual(refused.map(() => true));
    for (const role of roles) {
      const at = role === "writer" ? 1 : 0;
      expect([role, await isForbidden(people[role], at, asked())]).toEqual([role, !who.includes(role)]);
    }
  });
});

interface RouteRow {
  readonly route: string;
  readonly who: readonly Role[];
  readonly body?: (place: Place) => object;
}

const routes: readonly RouteRow[] = [
  { route: "GET /api/v1/conversations/:id/messages", who: all },
  { route: "GET /api/v1/conversations/:id/results/:call", who: all },
  { route: "GET /api/v1/conversations/:id/members", who: all },
  { route: "GET /v1/conversations/:id", who: all },
  { route: "GET /v1/conversations/:id/items", who: all },
  { route: "GET /v1/conversations/:id/stream?offset=now", who: all },
  { route: "GET /v1/responses/:response", who: all },
  { route: "GET /v1/responses/:response/input_items", who: all },
  { route: "POST /api/v1/conversations/:id/members", who: owners, body: () => ({ user_id: "eve", role: "reader" }) },
  { route: "PATCH /api/v1/conversations/:id/members/rita", who: owners, body: () => ({ role: "reader" }) },
  { route: "DELETE /api/v1/conversations/:id/members/nobody", who: owners },
  { route: "POST /api/v1/conversations/:id/invites", who: owners, body: () => ({ role: "reader" }) },
  { route: "DELETE /api/v1/conversations/:id/invites/none", who: owners },
  { route: "PATCH /api/v1/conversations/:id/room", who: owners, body: () => ({ answers: "mention" }) },
  { route: "PUT /api/v1/conversations/:id/messages/:ended-u/pin", who: writers },
  { route: "DELETE /api/v1/conversations/:id/messages/:ended-u/pin", who: writers },
  { route: "PUT /api/v1/conversations/:id/title", who: owners, body: () => ({ title: "mine" }) },
  {
    route: "PUT /api/v1/conversations/:id/messages/:ended-a/feedback",
    who: all,
    body: () => ({ rating: "up" }),
  },
  { route: "PATCH /api/v1/conversations/:id/queue/:waiting", who: owners, body: () => ({ message: "other" }) },
  { route: "DELETE /api/v1/conversations/:id/queue/:waiting", who: owners },
  {
    route: "POST /api/v1/conversations/:id/cancel",
    who: owners,
    body: ({ running }) => ({ turn_id: running }),
  },
  { route: "POST /api/v1/conversations/:id/approvals/:call", who: owners, body: () => ({ approved: true }) },
  { route: "GET /api/v1/conversations/:id/approvals/:call", who: owners },
  { route: "DELETE /api/v1/conversations/:id/handover", who: writers },
  { route: "DELETE /v1/conversations/:id", who: nobody },
  { route: "DELETE /api/v1/conversations/:id", who: nobody },
];

function pathOf(route: string, { id, running, waiting, ended }: Place): { method: string; path: string } {
  const [method = "", path = ""] = route.split(" ");
  const named = path
    .replace(":id", id)
    .replace(":call", `${running}-0-0`)
    .replace(":waiting", waiting)
    .replace(":response", responseIdOf({ conversation_id: id, turn_id: ended, segment: 0 }))
    .replace(":ended", ended);
  return { method, path: named };
}

describe("P9: over HTTP and the protocols of others", () => {
  it.each(routes)("$route is for $who", async ({ route, who, body }) => {
    const where = await place();
    const { method, path } = pathOf(route, where);
    const ask = async (one: Person, at: 0 | 1): Promise<number> => {
      const headers = { authorization: `Bearer ${await tokenOf(one)}` };
      const options = { user: null, headers, ...(body === undefined ? {} : { body: body(where) }) };
      const answer = await request(room.edges[at], method, path, options);
      await answer.body?.cancel();
      return answer.status;
    };
    for (const one of outsiders) for (const at of [0, 1] as const) expect([403, 404]).toContain(await ask(one, at));
    for (const role of ["reader", "writer"] as const) {
      const status = await ask(people[role], role === "writer" ? 1 : 0);
      expect([role, status === 403]).toEqual([role, !who.includes(role)]);
    }
    expect(await ask(owner, 1)).not.toBe(403);
  });

  it("an answer that is waited for, streamed, or asked again is refused to who may not write, and to outsiders", async () => {
    const { id, ended } = await place();
    const asks: readonly (readonly [string, object, Record<string, string>])[] = [
      ["/api/v1/chat", { message: "and?", conversation_id: id }, {}],
      ["/api/v1/chat", { message: "and?", conversation_id: id }, { accept: "text/event-stream" }],
      [`/api/v1/conversations/${id}/regenerate`, { message_id: `${ended}-a` }, {}],
      [`/api/v1/conversations/${id}/handover`, { reason: "help" }, {}],
    ];
    for (const who of [reader, ...outsiders])
      for (const [path, body, headers] of asks) {
        const answer = await room.as(who, "POST", path, { body, headers, at: 1 });
        expect([path, who.name, answer.status]).toEqual([path, who.name, 403]);
      }
    for (const who of outsiders) {
      const headers = { accept: "text/event-stream" };
      const answer = await room.as(who, "POST", "/api/v1/chat", { body: { conversation_id: id, after: 1 }, headers });
      expect([400, 403, 404]).toContain(answer.status);
    }
  });
});

describe("the list of somebody whose lists were lost", () => {
  it("has what they are a member of", async () => {
    const { id } = await place();
    const cache = connectRedis({ url: room.redis.url, role: "cache", log });
    await eventually(() => cache.status === "ready", { what: "Redis" });
    await cache.flushall();
    cache.disconnect();
    const listed = async (who: Person): Promise<boolean> => {
      const { status, body } = await room.as(who, "GET", "/api/v1/conversations?limit=50");
      return (
        status === 200 && body.conversations.some((one: { conversation_id: string }) => one.conversation_id === id)
      );
    };
    for (const who of [owner, writer, reader])
      await eventually(() => listed(who), { what: `the list of ${who.name}`, timeoutMs: 15_000 });
    expect(await listed(person("remo"))).toBe(false);
  });
});
