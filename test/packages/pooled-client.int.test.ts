import { createClient, textOf, turn as turnIn } from "@parley/client";
import { strict } from "@parley/client/strict";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "../../services/edge/test/support/edge-fixture.ts";

/** One socket for many conversations, by the client library, with frames in batches. */

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A client of the library that notes each message of its sockets. */
function openClient(options: { readonly batch: boolean }) {
  const received: string[] = [];
  const sockets: WebSocket[] = [];
  class NotedSocket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols);
      sockets.push(this);
      this.on("message", (data: Buffer) => received.push(data.toString()));
    }
  }
  const client = createClient({
    ...strict,
    ...options,
    url: edge.url,
    getToken: () => tokenOf("pool"),
    WebSocket: NotedSocket,
  });
  return { client, received, sockets, [Symbol.dispose]: client.close };
}

async function begin({ client }: ReturnType<typeof openClient>, id: string) {
  const conversation = client.conversation(id);
  const violations: unknown[] = [];
  conversation.on("violation", (violation) => violations.push(violation));
  const { turn_id } = await conversation.send(`question in ${id}`);
  return { conversation, violations, turn: world.worker.take(id, turn_id) };
}

it("500 conversations on one socket each get their answer once and in order, in fewer messages than frames", async () => {
  using pool = openClient({ batch: true });
  await pool.client.connect();
  const all = [];
  // The library lets 64 messages wait.
  for (let part = 0; part < 500; part += 50) {
    const ids = Array.from({ length: 50 }, (_, at) => `c_pool_${part + at}`);
    all.push(...(await Promise.all(ids.map((id) => begin(pool, id)))));
  }
  const words = ["one ", "two ", "three ", "four"];
  for (const word of words) await Promise.all(all.map(({ turn }) => turn.token(word)));
  await Promise.all(all.map(({ turn }) => turn.complete(words.join(""))));
  const ends = await Promise.all(all.map(({ conversation, turn }) => conversation.untilEnd(turn.turn)));
  expect(ends.filter(({ type }) => type !== "complete")).toEqual([]);
  for (const { conversation, turn, violations } of all) {
    expect(textOf(turnIn(conversation.view, turn.turn) ?? [])).toBe("one two three four");
    expect(violations).toEqual([]);
  }
  expect(pool.sockets.length).toBe(1);
  const batches = pool.received.filter((text) => text.startsWith("["));
  expect(batches.length).toBeGreaterThan(0);
  for (const text of batches) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16 * 1024 + 2);
}, 120_000);

it("a client that has not asked for batches gets none", async () => {
  using one = openClient({ batch: false });
  await one.client.connect();
  const both = await Promise.all([begin(one, "c_plain_1"), begin(one, "c_plain_2")]);
  await Promise.all(both.map(({ turn }) => turn.tokens(["a", "b", "c"])));
  await Promise.all(both.map(({ turn }) => turn.complete("abc")));
  await Promise.all(both.map(({ conversation, turn }) => conversation.untilEnd(turn.turn)));
  expect(one.received.filter((text) => text.startsWith("["))).toEqual([]);
});

it("after its connection is lost the pool goes on in every conversation, on one socket", async () => {
  using pool = openClient({ batch: true });
  await pool.client.connect();
  const ids = Array.from({ length: 40 }, (_, at) => `c_again_${at}`);
  const all = await Promise.all(ids.map((id) => begin(pool, id)));
  await Promise.all(all.map(({ turn }) => turn.token("before ")));
  await eventually(() => all.every(({ conversation }) => conversation.view.turns[0]?.parts.length === 1), {
    what: "the first word in each",
  });
  pool.sockets[0]?.terminate();
  await Promise.all(all.map(({ turn }) => turn.token("after")));
  await Promise.all(all.map(({ turn }) => turn.complete("before after")));
  await Promise.all(all.map(({ conversation, turn }) => conversation.untilEnd(turn.turn)));
  expect(pool.sockets.length).toBe(2);
  for (const { conversation, turn, violations } of all) {
    expect(textOf(turnIn(conversation.view, turn.turn) ?? [])).toBe("before after");
    expect(violations).toEqual([]);
  }
});
