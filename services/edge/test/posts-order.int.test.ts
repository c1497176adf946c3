import { messages } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { answerWhole, createRoom, enter, look, shown, shows } from "./support/room-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const agents = [{ handle: "bot", agent: "general" }];

async function say(client: TestClient, id: string, message: string): Promise<string> {
  client.send({ type: "message", id: message, message, conversation_id: id });
  return (await client.next("accepted")).turn_id;
}

async function askAndAnswer(client: TestClient, id: string, by: string, question: string): Promise<void> {
  const turn = world.worker.take(id, await say(client, id, question));
  await answerWhole(world, turn, { by, question, answer: `to ${question}` });
}

async function pagesOf(id: string, limit: number): Promise<string[]> {
  const all: string[] = [];
  let before = "";
  for (let pages = 0; pages < 60; pages++) {
    const query = `limit=${limit}${before === "" ? "" : `&before=${encodeURIComponent(before)}`}`;
    const { status, body } = await ask(edges[1], "GET", `/api/v1/conversations/${id}/messages?${query}`);
    expect(status).toBe(200);
    all.unshift(...body.messages.map(({ message }: { message: string }) => message));
    if (body.before === undefined) return all;
    before = body.before;
  }
  throw new Error("the pages have no end");
}

describe("posts and turns of a conversation", () => {
  it("come in the same order live, in snapshots, after a resume and on pages of any size, whoever wrote where", async () => {
    const id = await createRoom(world, { agents });
    const ann = await look(edges[0], "ann", id);
    const bert = await look(edges[1], "bert", id);
    for (const n of [1, 2, 3]) await say(n % 2 === 0 ? ann : bert, id, `early ${n}`);
    for (const n of [1, 2, 3, 4]) {
      await askAndAnswer(n % 2 === 0 ? ann : bert, id, n % 2 === 0 ? "ann" : "bert", `@bot ${n}`);
      await Promise.all([say(ann, id, `ann ${n}`), say(bert, id, `bert ${n}`)]);
    }
    await eventually(() => shown(ann, id).length === 3 + 4 * 4, { what: "all messages so far" });
    const cursor = ann.view(id).seq;
    ann.close();
    for (let n = 1; n <= 9; n++) await say(bert, id, `late ${n}`);
    const count = 3 + 4 * 4 + 9;
    await eventually(() => shown(bert, id).length === count, { what: "all messages" });
    const order = shown(bert, id);
    const cora = await look(edges[0], "cora", id);
    await shows(cora, id, order);
    const back = await enter(edges[1], "ann");
    back.send({ type: "subscribe", conversation_id: id, after: cursor });
    await back.next("subscribed");
    const isWhole = (): boolean => back.view(id).seq >= bert.view(id).seq;
    await eventually(isWhole, { what: "what was missed" });
    expect(shown(back, id).slice(-9)).toEqual(order.slice(-9));
    for (const limit of [1, 2, 3, 5, 100]) expect((await pagesOf(id, limit)).toSorted()).toEqual(order.toSorted());
    expect(await pagesOf(id, 100)).toEqual(order);
    expect(await pagesOf(id, 7)).toEqual(order);
    for (const client of [bert, cora, back]) client.close();
  }, 60_000);

  it("are read by nobody who has no part in them", async () => {
    const id = await createRoom(world, { agents });
    const ann = await enter(edges[0], "ann");
    await say(ann, id, "wisteria in bloom");
    const page = await ask(edges[1], "GET", `/api/v1/conversations/${id}/messages`, { user: "stranger" });
    expect(page.status).toBe(403);
    ann.close();
  });
});

/** The first edge has heard of it. */
async function knowsRule(id: string, answers: string): Promise<void> {
  const isKnown = async (): Promise<boolean> =>
    (await ask(edges[0], "GET", `/api/v1/conversations/${id}/messages`)).body.room?.answers === answers;
  await eventually(isKnown, { what: "the new rule" });
}

describe("what a message is", () => {
  it("stays what it was when the rule is another one by then", async () => {
    const id = await createRoom(world, { answers: "never" });
    const ann = await enter(edges[0], "ann");
    ann.send({ type: "message", id: "m1", message: "to you all", conversation_id: id, agent: "general" });
    expect(await ann.next("accepted")).toMatchObject({ posted: true });
    await world.bus.people.change(id, (people) => ({ people: { ...people, answers: "always" } }));
    await knowsRule(id, "always");
    ann.send({ type: "message", id: "m2", message: "and now?", conversation_id: id });
    const { turn_id, posted } = await ann.next("accepted");
    expect(posted).toBeUndefined();
    ann.send({ type: "message", id: "m1", message: "to you all", conversation_id: id, agent: "general" });
    expect(await ann.next("accepted")).toMatchObject({ posted: true });
    await world.bus.people.change(id, (people) => ({ people: { ...people, answers: "never" } }));
    await knowsRule(id, "never");
    ann.send({ type: "message", id: "m2", message: "and now?", conversation_id: id });
    const again = await ann.next("accepted");
    expect(again).toMatchObject({ turn_id });
    expect(again.posted).toBeUndefined();
    ann.close();
  });

  it("is a turn for the agent to whose answer it replies, and a post where it replies to a person", async () => {
    const id = await createRoom(world, { agents });
    const ann = await look(edges[0], "ann", id);
    const turn = world.worker.take(id, await say(ann, id, "@bot first"));
    await answerWhole(world, turn, { by: "ann", question: "@bot first", answer: "an answer" });
    const reply = { type: "message", conversation_id: id };
    ann.send({ ...reply, id: "r1", message: "and why?", reply_to: `${turn.turn}-a` });
    expect((await ann.next("accepted")).posted).toBeUndefined();
    expect((await world.bus.turns.waiting(id))[0]?.request).toMatchObject({ reply_to: `${turn.turn}-a`, room: true });
    ann.send({ ...reply, id: "r2", message: "I see", reply_to: `${turn.turn}-u` });
    expect(await ann.next("accepted")).toMatchObject({ posted: true });
    ann.send({ ...reply, id: "r3", message: "made up", reply_to: "nothing-a" });
    expect(await ann.next("accepted")).toMatchObject({ posted: true });
    await eventually(() => messages(ann.view(id)).find(({ reply_to }) => reply_to === `${turn.turn}-a`), {
      what: "a reply that says to what",
    });
    ann.close();
  });
});

describe("a reader and a stranger", () => {
  it("write nothing", async () => {
    const id = await createRoom(world, { readers: ["rita"] });
    for (const user of ["rita", "stan"]) {
      const client = await enter(edges[0], user);
      client.send({ type: "message", id: "m1", message: "let me in", conversation_id: id });
      expect(await client.next("error")).toMatchObject({ code: "FORBIDDEN" });
      client.close();
    }
    expect((await world.bus.posts.tail(id, { limit: 5 })).posts).toEqual([]);
  });
});
