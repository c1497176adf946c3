import { jetstreamManager } from "@nats-io/jetstream";
import { streams } from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, openStream, request } from "./support/http-client.ts";
import { createRoom, enter, look, shown, shows } from "./support/room-fixture.ts";
import { connectSeedClient } from "./support/seed-client.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const older = { knows: [] };
/** As a client shows it that knows no posts: each has an answer, which is empty. */
const asTurns = (texts: readonly string[]): string[] => texts.flatMap((text) => [text, ""]);

describe("a native client that does not know posts", () => {
  it("gets each as a turn that has ended, live and in a snapshot, also where one follows right on another", async () => {
    const id = await createRoom(world);
    const bert = await look(edges[1], "bert", id, older);
    const ann = await enter(edges[0], "ann");
    for (const n of [1, 2, 3, 4]) {
      ann.send({ type: "message", id: `m${n}`, message: `say ${n}`, conversation_id: id });
      await ann.next("accepted");
    }
    const all = ["say 1", "say 2", "say 3", "say 4"];
    await shows(bert, id, asTurns(all));
    await shows(ann, id, all);
    expect(bert.view(id).turns.every(({ outcome }) => outcome !== undefined)).toBe(true);
    expect(bert.frames.filter(({ type }) => type === "post")).toEqual([]);
    const cora = await look(edges[1], "cora", id, older);
    await shows(cora, id, asTurns(all));
    for (const client of [ann, bert, cora]) client.close();
  });

  it("that writes one itself is answered, and sees it end", async () => {
    const id = await createRoom(world);
    const bert = await enter(edges[1], "bert", older);
    bert.send({ type: "message", id: "m1", message: "from an old one", conversation_id: id });
    const { turn_id } = await bert.next("accepted");
    expect(await bert.next("message")).toMatchObject({ turn_id, message: "from an old one" });
    expect(await bert.next("complete")).toMatchObject({ turn_id, response: "", metadata: { posted: true } });
    bert.close();
  });

  it("goes on from any cursor with the same", async () => {
    const id = await createRoom(world);
    const ann = await enter(edges[0], "ann");
    const bert = await look(edges[1], "bert", id, older);
    const seqs: number[] = [];
    for (const n of [1, 2, 3]) {
      ann.send({ type: "message", id: `m${n}`, message: `say ${n}`, conversation_id: id });
      await ann.next("accepted");
      await shows(bert, id, asTurns(Array.from({ length: n }, (_, i) => `say ${i + 1}`)));
      seqs.push(bert.view(id).seq);
    }
    for (const after of seqs) {
      const back = await enter(edges[1], "bert", older);
      back.send({ type: "subscribe", conversation_id: id, after });
      await back.next("subscribed");
      ann.send({ type: "message", id: `after ${after}`, message: `after ${after}`, conversation_id: id });
      await ann.next("accepted");
      await shows(bert, id, asTurns([...shown(ann, id)]));
      const missed = shown(bert, id).slice(2 * (seqs.indexOf(after) + 1));
      const tail = (): string[] => shown(back, id).slice(-missed.length);
      await expect.poll(tail, { timeout: 10_000 }).toEqual(missed);
      back.close();
    }
    for (const client of [ann, bert]) client.close();
  });
});

describe("whoever writes one over HTTP", () => {
  it("is answered at once, again and again, and by a stream that ends", async () => {
    const id = await createRoom(world);
    const body = { message: "over HTTP", conversation_id: id, id: "h1", mentions: ["ann"] };
    const turn_id = turnIdOf("bert", id, "h1");
    const expected = { response: "", turn_id, message_id: `${turn_id}-u`, metadata: { posted: true } };
    for (const edge of [edges[0], edges[1], edges[0]])
      expect(await ask(edge, "POST", "/api/v1/chat", { user: "bert", body })).toMatchObject({
        status: 200,
        body: expected,
      });
    for (const one of [body, { ...body, id: "h2", message: "streamed" }]) {
      const stream = await openStream(edges[1], { user: "bert", body: one });
      const types = (await stream.rest()).map(({ frame }) => frame.type);
      expect(types.at(-1)).toBe("complete");
    }
    expect((await world.bus.posts.tail(id, { limit: 9 })).posts.map(({ post }) => post.message)).toEqual([
      "over HTTP",
      "streamed",
    ]);
  });

  it("is told so when the events are long forgotten", async () => {
    const id = await createRoom(world);
    const body = { message: "long ago", conversation_id: id, id: "h1" };
    const first = await ask(edges[0], "POST", "/api/v1/chat", { user: "bert", body });
    await world.bus.events.flush();
    const jsm = await jetstreamManager(world.bus.nc);
    await jsm.streams.purge(streams.events(0));
    const again = await ask(edges[1], "POST", "/api/v1/chat", { user: "bert", body });
    expect(again).toMatchObject({ status: 200, body: { turn_id: first.body.turn_id, metadata: { posted: true } } });
    expect((await world.bus.posts.tail(id, { limit: 9 })).posts).toHaveLength(1);
  });

  it("gets an end in the protocols of others", async () => {
    const id = await createRoom(world);
    const messages = [{ id: "u1", role: "user", parts: [{ type: "text", text: "AI SDK" }] }];
    const streamed = await request(edges[0], "POST", "/api/ai/chat", { user: "bert", body: { id, messages } });
    const text = await streamed.text();
    expect(streamed.status).toBe(200);
    expect(text).toContain('"type":"finish"');
    expect(text).toContain("[DONE]");
  });
});

describe("a socket of a seed's client", () => {
  it("that writes one gets the end of its turn", async () => {
    const id = await createRoom(world);
    const client = await connectSeedClient(edges[0].url);
    client.send({ type: "auth", token: await tokenOf("bert") });
    await client.next();
    client.send({ type: "message", message: "from a seed", session_id: id });
    const frames = await client.until("complete");
    expect(frames.map(({ type }) => type)).toContain("complete");
    client.close();
  });
});
