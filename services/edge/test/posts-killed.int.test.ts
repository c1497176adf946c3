import { encodeJson, messageIdOf, subjects, type ConversationId } from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createRoom, enter, look, shown, shows } from "./support/room-fixture.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const text = (id: string): string => `says ${id}`;

function messageOf(conversation_id: ConversationId, user: string, id: string) {
  const turn_id = turnIdOf(user, conversation_id, id);
  const author = { role: "user", id: user };
  const message_id = messageIdOf(turn_id, "user");
  return { conversation_id, turn_id, message_id, id, author, message: text(id), ts: Date.now() };
}

/** As an edge leaves it that dies behind its first line. */
async function noted(conversation: ConversationId, user: string, id: string): Promise<void> {
  const message = messageOf(conversation, user, id);
  await world.bus.facts.write({ kind: "said", v: 1, ...message, post: true, after: null });
}

/** The same behind the second one: it is stored, and nobody was told. */
async function stored(conversation: ConversationId, user: string, id: string): Promise<void> {
  await noted(conversation, user, id);
  const { events, posts } = world.bus;
  const shard = events.shardOf(conversation);
  const last = (await posts.tail(conversation, { limit: 1 })).posts.at(-1);
  const { seq = 0 } = last ?? {};
  const post = { type: "post", ...messageOf(conversation, user, id), after: null, n: (last?.post.n ?? 0) + 1 };
  const record = { v: 1, kind: "post", conversation_id: conversation, prev: seq, post, ts: Date.now() };
  const data = encodeJson(record);
  expect(await events.append({ subject: subjects.post(shard, conversation), data, expect: seq })).toMatchObject({
    kind: "stored",
  });
}

const numbersOf = async (id: ConversationId): Promise<number[]> =>
  (await world.bus.posts.tail(id, { limit: 50 })).posts.map(({ post }) => post.n);

describe("an edge that dies", () => {
  it("before it has stored a post: it is stored when the message comes again, once, by whichever edge", async () => {
    const id = await createRoom(world);
    await noted(id, "ann", "m1");
    const said = { type: "message", id: "m1", message: text("m1"), conversation_id: id };
    const devices = await Promise.all([enter(edges[0], "ann"), enter(edges[1], "ann")]);
    for (const device of devices) device.send(said);
    for (const device of devices) expect(await device.next("accepted")).toMatchObject({ posted: true });
    for (const device of devices) await shows(device, id, [text("m1")]);
    expect(await numbersOf(id)).toEqual([1]);
    for (const device of devices) device.close();
  });

  it("before it has told of it: everybody is told when the message comes again", async () => {
    const id = await createRoom(world);
    const bert = await look(edges[1], "bert", id);
    await stored(id, "ann", "m1");
    await stored(id, "ann", "m2");
    const ann = await enter(edges[0], "ann");
    ann.send({ type: "message", id: "m2", message: text("m2"), conversation_id: id });
    expect(await ann.next("accepted")).toMatchObject({ posted: true });
    await shows(bert, id, [text("m1"), text("m2")]);
    expect(await numbersOf(id)).toEqual([1, 2]);
    for (const client of [ann, bert]) client.close();
  });

  it("before it has told of it: who looks has it, and who looked on already is told then", async () => {
    const id = await createRoom(world);
    const bert = await look(edges[1], "bert", id);
    await stored(id, "ann", "m1");
    expect((await ask(edges[0], "GET", `/api/v1/conversations/${id}/messages`)).body).toMatchObject({
      messages: [{ message: text("m1") }],
    });
    // Whoever stored it may be about to tell it, for so long.
    const isTold = async (): Promise<boolean> => {
      const cora = await look(edges[0], "cora", id);
      await shows(cora, id, [text("m1")]);
      cora.close();
      return shown(bert, id).length > 0;
    };
    await expect.poll(isTold, { timeout: 10_000, interval: 500 }).toBe(true);
    expect(bert.frames.filter(({ type }) => type === "post")).toHaveLength(1);
    bert.close();
  });

  it("before it has answered: the message that comes again is accepted, and no other is there", async () => {
    const id = await createRoom(world);
    const ann = await enter(edges[0], "ann");
    ann.send({ type: "message", id: "m1", message: text("m1"), conversation_id: id });
    ann.terminate();
    const again = await enter(edges[1], "ann");
    again.send({ type: "message", id: "m1", message: text("m1"), conversation_id: id });
    expect(await again.next("accepted")).toMatchObject({ posted: true });
    await shows(again, id, [text("m1")]);
    expect(await numbersOf(id)).toEqual([1]);
    again.close();
  });
});

describe("a broker that is away", () => {
  it("keeps posts from nobody: they are stored once when it is back, in the order in which each was written", async () => {
    await using own = await createWorld();
    const both = [await own.addEdge(), await own.addEdge()] as const;
    const id = await createRoom(own);
    const ann = await look(both[0], "ann", id);
    const bert = await look(both[1], "bert", id);
    ann.send({ type: "message", id: "m0", message: text("m0"), conversation_id: id });
    await ann.next("accepted");
    await own.nats.kill("SIGKILL");
    for (const n of [1, 2, 3]) ann.send({ type: "message", id: `m${n}`, message: text(`m${n}`), conversation_id: id });
    await own.nats.restart();
    for (const n of [1, 2, 3]) expect(await ann.next("accepted", { timeoutMs: 20_000 })).toMatchObject({ id: `m${n}` });
    const all = ["m0", "m1", "m2", "m3"].map(text);
    for (const client of [ann, bert]) await shows(client, id, all);
    ann.send({ type: "message", id: "m2", message: text("m2"), conversation_id: id });
    expect(await ann.next("accepted")).toMatchObject({ id: "m2", posted: true });
    expect((await own.bus.posts.tail(id, { limit: 9 })).posts.map(({ post }) => post.n)).toEqual([1, 2, 3, 4]);
    for (const client of [ann, bert]) client.close();
  }, 60_000);
});

describe("a conversation that is deleted", () => {
  it("has no post left, and begins anew with the first one", async () => {
    const id = await createRoom(world);
    const ann = await look(edges[0], "ann", id);
    ann.send({ type: "message", id: "m1", message: text("m1"), conversation_id: id });
    await ann.next("accepted");
    expect((await ask(edges[0], "DELETE", `/api/v1/conversations/${id}`)).status).toBe(204);
    expect(await numbersOf(id)).toEqual([]);
    expect((await ask(edges[1], "GET", `/api/v1/conversations/${id}/messages`)).status).toBe(404);
    ann.close();
  });
});

describe("what is said to nobody", () => {
  it("costs a conversation of one nothing: no post, no record of people, and no look at either for a message", async () => {
    const ann = await enter(edges[0], "ann");
    ann.send({ type: "message", id: "m0", message: "hello" });
    const { conversation_id } = await ann.next("accepted");
    const asked: string[] = [];
    const { bus } = edges[0];
    const { endOf, tail } = bus.posts;
    const { of } = bus.people;
    Object.assign(bus.posts, {
      endOf: (...given: Parameters<typeof endOf>) => (asked.push("posts.endOf"), endOf(...given)),
      tail: (...given: Parameters<typeof tail>) => (asked.push("posts.tail"), tail(...given)),
    });
    Object.assign(bus.people, {
      of: (...given: Parameters<typeof of>) => (asked.push("people.of"), of(...given)),
    });
    for (const n of [1, 2, 3]) {
      ann.send({ type: "message", id: `m${n}`, message: `@nobody ${n}`, conversation_id });
      expect((await ann.next("accepted")).posted).toBeUndefined();
    }
    expect(asked).toEqual([]);
    // The same is seen where there are others.
    const room = await createRoom(world);
    ann.send({ type: "message", id: "m1", message: "@nobody", conversation_id: room });
    expect((await ann.next("accepted")).posted).toBe(true);
    expect(new Set(asked)).toEqual(new Set(["people.of", "posts.endOf"]));
    ann.close();
  });
});
