import { sessionConversation } from "@parley/dialects";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWorld, metricOf, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import { connectSeedClient, type SeedClient } from "./support/seed-client.ts";

/** The text that a frame adds to the answer. */
const Added = z.union([
  z.object({ type: z.literal("token"), token: z.string() }).transform(({ token }) => token),
  z.object({ type: z.literal("text"), data: z.object({ text: z.string() }) }).transform(({ data }) => data.text),
  z.unknown().transform(() => ""),
]);

let world: World;
let edge: EdgeUnderTest;
/** As in production: nobody is anonymous. */
let strict: EdgeUnderTest;
/** Its clients have little time. */
let hasty: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  strict = await world.addEdge({ isDevelopment: false });
  hasty = await world.addEdge({ deadlines: { authMs: 300, anonymousMs: 4_000, warnMs: 60_000, graceMs: 0 } });
});
afterAll(() => world[Symbol.asyncDispose]());

async function connectAs(user: string, url = edge.url): Promise<SeedClient> {
  const client = await connectSeedClient(url);
  client.send({ type: "auth", token: await tokenOf(user) });
  expect(await client.next()).toMatchObject({ type: "auth_success", message: "Authentication successful" });
  return client;
}

/** The newest turn of a conversation. */
async function turnIn(conversation: string): Promise<FakeTurn> {
  const newest = await eventually(async () => (await world.bus.turns.waiting(conversation)).at(-1), { what: "a turn" });
  return world.worker.take(conversation, newest.request.turn_id);
}

async function typesAfter(client: SeedClient, frame: object): Promise<string[]> {
  client.send(frame);
  client.send({ type: "ping" });
  return (await client.until("pong")).map(({ type }) => type);
}

describe("a socket without a subprotocol", () => {
  it("hears nothing before the answer to its `auth`", async () => {
    const client = await connectAs("ann");
    expect(client.frames[0]).toMatchObject({ user: { id: "ann", email: "", name: "" } });
    client.close();
  });

  it("speaks the native dialect after a native frame, and is welcomed then", async () => {
    const client = await connectAs("ann");
    expect(await typesAfter(client, { type: "message", id: "n1", message: "hello" })).toEqual(
      expect.arrayContaining(["welcome", "accepted", "message", "pong"]),
    );
    client.close();
  });

  it("keeps its dialect: frames of another one are refused, and it stays open", async () => {
    const c = await connectAs("ann");
    expect(await typesAfter(c, { type: "message", message: " " })).toEqual(["error", "pong"]);
    c.send({ type: "subscribe", conversation_id: "c_1" });
    expect(await c.next()).toMatchObject({ type: "error", code: "INVALID_FRAME" });
    c.send({ message: "hello" });
    expect(await c.next()).toMatchObject({ type: "error", code: "INVALID_FRAME" });
    c.close();
  });

  it("is told of text that is no frame in words that every dialect has", async () => {
    const client = await connectAs("ann");
    client.send("no json");
    const said = { error: "The frame is not valid JSON.", code: "INVALID_FRAME" };
    expect(await client.next()).toMatchObject({ type: "error", ...said, data: said });
    client.close();
  });
});

describe("a client of seed C", () => {
  it("gets its answer, and nobody else's", async () => {
    const [one, other] = [await connectAs("ann"), await connectAs("ann")];
    one.send({ type: "message", message: "hello", session_id: "both" });
    const turn = await turnIn(sessionConversation("ann", "both"));
    await turn.token("Hel");
    await turn.token("lo");
    await turn.complete("Hello");
    expect((await one.until("complete")).map(({ type }) => type)).toEqual(["token", "token", "complete"]);
    expect(one.frames.at(-2)).toEqual({ type: "token", token: "lo", partial_response: "Hello" });
    expect(await typesAfter(other, { type: "message", message: "" })).toEqual(["error", "pong"]);
    one.close();
    other.close();
  });

  it("may ask again on the same connection, also while an answer runs", async () => {
    const client = await connectAs("ann");
    const conversation = sessionConversation("ann", "again");
    client.send({ type: "message", message: "one", session_id: "again" });
    const first = await turnIn(conversation);
    client.send({ type: "message", message: "two", session_id: "again" });
    await expect.poll(async () => (await world.bus.turns.waiting(conversation)).length).toBe(2);
    const second = await turnIn(conversation);
    await first.token("1");
    await first.complete("1");
    await second.token("2");
    await second.complete("2");
    const tokens = [...(await client.until("complete")), ...(await client.until("complete"))];
    expect(tokens.map(({ partial_response, response }) => partial_response ?? response)).toEqual(["1", "1", "2", "2"]);
    client.close();
  });

  it("is told that it must authenticate, that its message is empty, and stays open", async () => {
    const client = await connectSeedClient(edge.url);
    client.send({ type: "message", message: "hello", session_id: null });
    expect(await client.next()).toEqual({ type: "error", error: "Authentication is required.", code: "AUTH_REQUIRED" });
    client.send({ type: "auth", token: await tokenOf("ann") });
    expect(await client.next()).toMatchObject({ type: "auth_success" });
    client.send({ type: "message", message: "   " });
    expect(await client.next()).toEqual({ type: "error", error: "The message is empty.", code: "EMPTY_MESSAGE" });
    client.close();
  });

  it("is told that its token is not valid", async () => {
    const client = await connectSeedClient(edge.url);
    client.send({ type: "auth", token: "invalid" });
    expect(await client.next()).toMatchObject({ type: "auth_error", message: expect.any(String) });
    expect(await client.closed).toBe(4500);
  });

  it("may bring its token in the address", async () => {
    const client = await connectSeedClient(`${edge.url}?token=${await tokenOf("ann")}`);
    expect(await client.next()).toMatchObject({ type: "auth_success", user: { id: "ann" } });
    client.close();
  });

  it("looks at no more conversations than it waits in", async () => {
    const client = await connectAs("ann");
    const before = await metricOf(edge, "parley_edge_viewers");
    for (let i = 0; i < 3; i++) {
      client.send({ type: "message", message: "hello", session_id: `many-${i}` });
      await (await turnIn(sessionConversation("ann", `many-${i}`))).complete("done");
      await client.until("complete");
    }
    expect(await metricOf(edge, "parley_edge_viewers")).toBe(before + 1);
    client.close();
  });
});

describe("a client of seed A", () => {
  it("needs no token in development, and is a user of its own", async () => {
    const client = await connectSeedClient(hasty.url);
    // Its edge waits for tokens no longer than it takes to close this one.
    expect(await (await connectSeedClient(hasty.url.replace("/ws/chat", "/api/v1/async/chatbot"))).closed).toBe(4008);
    client.send({ message: "" });
    const error = { error: "The message is empty.", code: "EMPTY_MESSAGE" };
    expect(await client.next()).toEqual({ type: "error", data: error });
    client.close();
  });

  it.each([
    { type: "ping" },
    { type: "auth" },
    { type: "subscribe", conversation_id: "c_1" },
    { type: "message", message: "hello", session_id: "s" },
    {},
  ])("is what nobody is who begins with %j: that one is closed without a token", async (frame) => {
    const client = await connectSeedClient(hasty.url);
    const openedMs = performance.now();
    client.send(frame);
    expect(await client.closed).toBe(4008);
    expect(performance.now() - openedMs).toBeLessThan(3_500);
  });

  it("is closed in the end when it never says anything", async () => {
    expect(await (await connectSeedClient(hasty.url)).closed).toBe(4008);
  });

  it("needs a token elsewhere", async () => {
    const client = await connectSeedClient(strict.url);
    client.send({ message: "hello", conversation_id: "uuid" });
    expect(await client.next()).toEqual({
      type: "error",
      data: { error: "Authentication is required.", code: "AUTH_REQUIRED" },
    });
    client.close();
  });

  it("gets text and the end, each with its conversation", async () => {
    const client = await connectSeedClient(`${strict.url}?token=${await tokenOf("ann")}`);
    await client.next();
    client.send({ message: "hello", conversation_id: "uuid-of-ann" });
    const turn = await turnIn("uuid-of-ann");
    await turn.token("Hello");
    await turn.complete("Hello");
    expect(await client.until("complete")).toEqual([
      { type: "text", data: { text: "Hello", conversation_id: "uuid-of-ann" } },
      { type: "complete", data: { message: "Hello", tool_calls: [], conversation_id: "uuid-of-ann" } },
    ]);
    client.close();
  });

  it("cannot write in a conversation of somebody else", async () => {
    const [ann, bert] = [await connectAs("ann"), await connectAs("bert")];
    ann.send({ message: "mine", conversation_id: "ann-only" });
    await turnIn("ann-only");
    bert.send({ message: "also mine?", conversation_id: "ann-only" });
    const data = { code: "FORBIDDEN", conversation_id: "ann-only" };
    expect(await bert.next()).toMatchObject({ type: "error", data });
    ann.close();
    bert.close();
  });
});

/** Writes events of which each dialect shows one, until the kernel keeps no more of them for a reader that has stopped. */
async function flood({ conversation, turn, append }: FakeTurn): Promise<void> {
  const lagged = await metricOf(edge, "parley_edge_lagged_total");
  const common = { conversation_id: conversation, turn_id: turn, ts: 1, message: "x".repeat(16 * 1024) };
  const writeMore = async (): Promise<boolean> => {
    for (let i = 0; i < 50; i++) {
      await append({ type: "thinking", ...common, attempt: 1, n: 0 });
      await append({ type: "tool_call_progress", ...common, call_id: "k" }, "toolp.k");
    }
    return (await metricOf(edge, "parley_edge_lagged_total")) > lagged;
  };
  await eventually(writeMore, { what: "a lagging socket", timeoutMs: 20_000 });
}

describe("a slow client of a seed", () => {
  it.each(["A", "C"])("of dialect %s has the whole answer, once", async (dialect) => {
    const [slow, name] = [await connectAs("ann"), `slow-${dialect}`];
    slow.send(
      dialect === "A"
        ? { message: "hello", conversation_id: name }
        : { type: "message", message: "hello", session_id: name },
    );
    const turn = await turnIn(dialect === "A" ? name : sessionConversation("ann", name));
    await turn.token("It begins. ");
    await slow.next();
    slow.pause();
    await flood(turn);
    await turn.tokens(["It goes on. ", "And on. "]);
    await turn.token("It ends.");
    const answer = "It begins. It goes on. And on. It ends.";
    slow.resume();
    await turn.complete(answer);
    await slow.until("complete");
    expect(slow.frames.map((frame) => Added.parse(frame)).join("")).toBe(answer);
    slow.close();
  });
});

describe("the chatbot endpoint of seed B", () => {
  const urlOf = ({ port }: EdgeUnderTest): string => `ws://127.0.0.1:${port}/api/v1/async/chatbot`;

  it.each([
    ["with a type", { type: "message", message: "hello", session_id: "local" }],
    ["without one", { message: "hello", session_id: "local" }],
  ])("streams answers to messages %s", async (_how, frame) => {
    const client = await connectAs("bea", urlOf(strict));
    client.send(frame);
    const turn = await turnIn(sessionConversation("bea", "local"));
    await turn.token("Hi");
    await turn.complete("Hi");
    expect(await client.until("complete")).toMatchObject([
      { type: "token", token: "Hi", partial_response: "Hi" },
      { type: "complete", response: "Hi", session_id: "local" },
    ]);
    client.close();
  });

  it("takes nobody without a token, not even in development", async () => {
    const client = await connectSeedClient(urlOf(edge));
    client.send({ message: "hello" });
    expect(await client.next()).toMatchObject({ type: "error", code: "AUTH_REQUIRED" });
    client.close();
  });
});
