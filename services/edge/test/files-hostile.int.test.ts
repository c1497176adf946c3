import { randomUUID } from "node:crypto";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { enter, letIn, record } from "./support/rooms.ts";

const keepUnattachedMs = 4_000;
let world: World;
let edge: EdgeUnderTest;
beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge({ files: { maxBytes: 1_000_000, keepUnattachedMs }, privacy: { leaseMs: 1_000 } });
});
afterAll(() => world[Symbol.asyncDispose]());

async function bring(user: string, text = "a file of mine"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${edge.port}/api/v1/files?name=a.txt`, {
    method: "POST",
    headers: { authorization: `Bearer ${await tokenOf(user)}`, "content-type": "text/plain" },
    body: text,
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { file_id: string }).file_id;
}

async function statusOf(user: string, id: string, method = "GET", headers: Record<string, string> = {}) {
  const auth = { authorization: `Bearer ${await tokenOf(user)}`, ...headers };
  return (await fetch(`http://127.0.0.1:${edge.port}/api/v1/files/${id}`, { method, headers: auth })).status;
}

it("a file of a user who is held stays, whoever wants it gone, and goes when its time is over and nobody holds it", async () => {
  const [held, free] = [await bring("hilda"), await bring("frank")];
  const on = { kind: "user", id: "hilda" } as const;
  await world.bus.privacy.hold(on, { by: "a test", reason: "a law suit" });
  expect(await statusOf("hilda", held, "DELETE")).toBe(409);
  await eventually(async () => (await statusOf("frank", free)) === 404, { what: "the other", timeoutMs: 20_000 });
  expect(await statusOf("hilda", held)).toBe(200);
  await world.bus.privacy.lift(on);
  await eventually(async () => (await statusOf("hilda", held)) === 404, { what: "its end", timeoutMs: 20_000 });
});

it("files of others are none: in messages, posts and edits; and whoever was removed brings none, and reads none", async () => {
  const room = `c_${randomUUID()}`;
  const owner = await enter(edge, "olga");
  owner.send({ type: "message", id: "m1", message: "hello", conversation_id: room });
  const { turn_id } = await owner.next("accepted");
  await record(world.bus, room, turn_id, { asker: "olga", answer: "yes" });
  await world.worker.take(room, turn_id).complete("yes");
  await letIn(world.bus, room, ["mike"]);
  const mike = await enter(edge, "mike");
  const theirs = await bring("olga");
  const parts = [{ type: "file", file_id: theirs }];
  for (const frame of [
    { type: "message", id: "s1", parts, conversation_id: room },
    {
      type: "message",
      id: "s2",
      message: "look",
      parts: [{ type: "text", text: "look" }, ...parts],
      conversation_id: room,
    },
    { type: "message", id: "s3", parts, conversation_id: `c_${randomUUID()}` },
  ]) {
    mike.send(frame);
    expect(await mike.next("error"), frame.id).toMatchObject({ code: "NOT_FOUND" });
  }
  expect((await world.bus.files.read(theirs))?.conversation_id).toBeUndefined();

  const sent = await bring("mike");
  mike.send({ type: "message", id: "f1", parts: [{ type: "file", file_id: sent }], conversation_id: room });
  await mike.next("accepted");
  expect([await statusOf("olga", sent), await statusOf("mike", sent)]).toEqual([200, 200]);
  const late = await bring("mike");
  await world.bus.people.change(room, (people) => ({
    people: { ...people, members: people.members.filter(({ id }) => id !== "mike") },
  }));
  await eventually(async () => (await statusOf("mike", sent)) === 404, { what: "the removal" });
  expect(await statusOf("mike", sent, "GET", { range: "bytes=0-3" })).toBe(404);
  mike.send({ type: "message", id: "f2", parts: [{ type: "file", file_id: late }], conversation_id: room });
  expect(await mike.next("error")).toMatchObject({ code: expect.stringMatching(/FORBIDDEN|NOT_FOUND/) });
  expect((await world.bus.files.read(late))?.conversation_id).toBeUndefined();
  const edit = await ask(edge, "PATCH", `/api/v1/conversations/${room}/messages/${turn_id}-u`, {
    user: "olga",
    body: { message: "edited", parts: [{ type: "file", file_id: late }] },
  });
  expect((await world.bus.files.read(late))?.conversation_id, `${edit.status}`).toBeUndefined();
  // Also a range of what is gone.
  await world.bus.files.remove(sent);
  expect(await statusOf("olga", sent, "GET", { range: "bytes=0-3" })).toBe(404);
});
