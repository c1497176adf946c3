import { randomUUID } from "node:crypto";
import type { PeopleChange } from "@parley/bus";
import type { People } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

/** A conversation of Ann's in which something was said. */
async function begun(): Promise<string> {
  const id = `c_${randomUUID()}`;
  await world.bus.owners.claim(id, "ann");
  const client = await world.connect(edges[0]);
  client.send({ type: "message", id: "m1", message: "hello", conversation_id: id });
  await client.next("accepted");
  client.close();
  return id;
}

const withRole =
  (user: string, role: "writer" | "reader" | null) =>
  (people: People): PeopleChange => {
    const others = people.members.filter(({ id }) => id !== user);
    const members = role === null ? others : [...others, { id: user, role, since: 1 }];
    return { people: { ...people, members } };
  };

const read = async (id: string, user: string, at: 0 | 1 = 0): Promise<number> =>
  (await ask(edges[at], "GET", `/api/v1/conversations/${id}/messages`, { user })).status;

const rename = async (id: string, user: string, at: 0 | 1 = 0): Promise<number> =>
  (await ask(edges[at], "PUT", `/api/v1/conversations/${id}/title`, { user, body: { title: "Theirs" } })).status;

it("lets members read at once on every edge, also where they were refused a moment ago, and strangers never", async () => {
  const id = await begun();
  for (const at of [0, 1] as const) expect(await read(id, "bert", at)).toBe(403);
  await world.bus.people.change(id, withRole("bert", "reader"));
  for (const at of [0, 1] as const) {
    expect(await read(id, "bert", at)).toBe(200);
    expect(await read(id, "cora", at)).toBe(403);
    expect(await rename(id, "bert", at)).toBe(403);
    expect(await read(id, "ann", at)).toBe(200);
  }
});

it("knows on every edge within a second that a member was removed", async () => {
  const id = await begun();
  await world.bus.people.change(id, withRole("bert", "writer"));
  for (const at of [0, 1] as const) expect(await read(id, "bert", at)).toBe(200);
  await world.bus.people.change(id, withRole("bert", null));
  const gone = async (): Promise<boolean> =>
    (await Promise.all([read(id, "bert", 0), read(id, "bert", 1)])).every((status) => status === 403);
  await eventually(gone, { what: "the end of a membership", timeoutMs: 1_000 });
});

it("knows a new owner, and that the old one is none", async () => {
  const id = await begun();
  for (const at of [0, 1] as const) expect(await read(id, "ann", at)).toBe(200);
  await world.bus.people.change(id, (people) => ({
    people: { ...people, owner: { id: "bert" }, members: [{ id: "ann", role: "reader", since: 1 }] },
  }));
  for (const at of [0, 1] as const) expect(await rename(id, "bert", at)).toBe(200);
  const isReader = async (): Promise<boolean> => {
    const renamed = await Promise.all([rename(id, "ann", 0), rename(id, "ann", 1)]);
    return renamed.every((status) => status === 403);
  };
  await eventually(isReader, { what: "the end of an ownership", timeoutMs: 1_000 });
  for (const at of [0, 1] as const) expect(await read(id, "ann", at)).toBe(200);
});
