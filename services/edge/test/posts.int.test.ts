import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { answerWhole, createRoom, enter, look, shown, shows } from "./support/room-fixture.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const postsOf = async (id: string): Promise<string[]> =>
  (await world.bus.posts.tail(id, { limit: 100 })).posts.map(({ post }) => `${post.n} ${post.message}`);

describe("a message that addresses no agent", () => {
  it("is told to all on both edges, stands in snapshots and in the transcript, and asks no agent", async () => {
    const id = await createRoom(world);
    const bert = await look(edges[1], "bert", id);
    const ann = await enter(edges[0], "ann");
    ann.send({ type: "message", id: "m1", message: "Hello Bert", conversation_id: id, mentions: ["bert"] });
    expect(await ann.next("accepted")).toMatchObject({ id: "m1", posted: true, position: 0 });
    expect(await bert.next("post")).toMatchObject({
      ...{ message: "Hello Bert", n: 1, after: null, mentions: ["bert"], author: { role: "user", id: "ann" } },
    });
    for (const client of [ann, bert]) await shows(client, id, ["Hello Bert"]);
    const cora = await look(edges[1], "cora", id);
    await shows(cora, id, ["Hello Bert"]);
    const page = await ask(edges[0], "GET", `/api/v1/conversations/${id}/messages`, { user: "cora" });
    expect(page.body).toMatchObject({ messages: [{ message: "Hello Bert", post: 1, after: null }] });
    expect(await world.bus.turns.waiting(id)).toEqual([]);
    expect((await world.bus.people.of(id))?.people?.has).toMatchObject({ posts: true });
    for (const client of [ann, bert, cora]) client.close();
  });

  it("is one post, on whichever edge it comes again, at once or later", async () => {
    const id = await createRoom(world);
    const devices = await Promise.all([0, 1, 0, 1].map((at) => enter(edges[at === 0 ? 0 : 1], "ann")));
    const said = { type: "message", id: "m1", message: "once", conversation_id: id };
    for (const device of devices) device.send(said);
    for (const device of devices) expect(await device.next("accepted")).toMatchObject({ posted: true });
    for (const device of devices) device.send(said);
    for (const device of devices) expect(await device.next("accepted")).toMatchObject({ posted: true });
    for (const device of devices) await shows(device, id, ["once"]);
    expect(await postsOf(id)).toEqual(["1 once"]);
    devices[0]?.send({ ...said, message: "twice" });
    expect(await devices[0]?.next("error")).toMatchObject({ code: "CONFLICT" });
    for (const device of devices) device.close();
  });

  it("has the same place for all, among turns that were asked by name", async () => {
    const id = await createRoom(world, { agents: [{ handle: "helper", agent: "general" }] });
    const ann = await look(edges[0], "ann", id);
    const bert = await look(edges[1], "bert", id);
    const say = async (client: typeof ann, name: string, message: string) => {
      client.send({ type: "message", id: name, message, conversation_id: id });
      return client.next("accepted");
    };
    await say(ann, "m1", "before all");
    const { turn_id, posted } = await say(bert, "m2", "@Helper, what is it?");
    expect(posted).toBeUndefined();
    expect((await world.bus.turns.waiting(id))[0]?.request).toMatchObject({ agent: "general", room: true });
    await say(ann, "m3", "while it runs");
    const turn = world.worker.take(id, turn_id);
    await turn.token("It is ");
    await answerWhole(world, turn, { by: "bert", question: "@Helper, what is it?", answer: "It is this." });
    await say(bert, "m4", "after it");
    const all = ["before all", "@Helper, what is it?", "It is this.", "while it runs", "after it"];
    const late = await look(edges[0], "cora", id);
    for (const client of [ann, bert, late]) await shows(client, id, all);
    const page = await ask(edges[1], "GET", `/api/v1/conversations/${id}/messages`, { user: "cora" });
    expect(page.body).toMatchObject({ messages: all.map((message) => ({ message })) });
    expect(shown(late, id)).toEqual(all);
    for (const client of [ann, bert, late]) client.close();
  });
});

describe("a conversation of one", () => {
  it("asks the agent with each message, and nothing is looked for", async () => {
    const ann = await enter(edges[0], "ann");
    ann.send({ type: "message", id: "m1", message: "hello" });
    const { conversation_id, posted } = await ann.next("accepted");
    expect(posted).toBeUndefined();
    expect(await world.bus.turns.waiting(conversation_id)).toHaveLength(1);
    expect((await world.bus.turns.waiting(conversation_id))[0]?.request.room).toBeUndefined();
    ann.close();
  });
});
