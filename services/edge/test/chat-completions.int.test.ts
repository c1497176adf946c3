import { randomUUID } from "node:crypto";
import { sessionConversation } from "@parley/dialects";
import type { TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, request, type RequestOptions } from "./support/http-client.ts";
import { createRedisWorld, type RedisWorld } from "./support/redis.ts";

let world: World;
let redis: RedisWorld;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];
/** One without Redis. */
let alone: EdgeUnderTest;

beforeAll(async () => {
  [world, redis] = await Promise.all([createWorld(), createRedisWorld()]);
  const connect = async () => world.addEdge({ redis: await redis.connect() });
  edges = [await connect(), await connect()];
  alone = await world.addEdge();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const path = "/v1/chat/completions";
const user = (content: string) => ({ role: "user", content });
const repeated = { "x-stainless-retry-count": "1" };

async function turnsIn(conversation: string, count = 1): Promise<TurnRequest[]> {
  const queued = await eventually(
    async () => {
      const waiting = await world.bus.turns.waiting(conversation);
      return waiting.length >= count ? waiting : undefined;
    },
    { what: `${count} turns in ${conversation}` },
  );
  return queued.map(({ request: turn }) => turn);
}

/** Begins a stream and leaves it: what it has put into the queue. */
async function begun(edge: EdgeUnderTest, body: object, options: RequestOptions = {}): Promise<TurnRequest> {
  const leaving = new AbortController();
  const whole = { model: "parley", stream: true, ...body };
  const response = await request(edge, "POST", path, { ...options, body: whole, signal: leaving.signal });
  expect(response.status).toBe(200);
  const turns = await turnsIn(response.headers.get("x-parley-conversation") ?? "");
  leaving.abort();
  const turn = turns.find(({ turn_id }) => turn_id === response.headers.get("x-parley-turn"));
  if (turn === undefined) throw new Error("the turn is not queued");
  return turn;
}

describe("a request without a conversation", () => {
  it("brings the whole conversation, in one of its own", async () => {
    const messages = [{ role: "system", content: "Be brief." }, user("One"), { role: "assistant", content: "1" }];
    const turn = await begun(edges[0], { messages: [...messages, user("Two")] });
    expect(turn).toMatchObject({ message: "Two", given: { messages: [...messages, user("Two")] } });
  });

  it("is another turn each time, however much it is like one before", async () => {
    const body = { messages: [user(randomUUID())] };
    const turns = [await begun(edges[0], body), await begun(edges[0], body), await begun(edges[1], body)];
    expect(new Set(turns.map(({ turn_id }) => turn_id)).size).toBe(3);
  });

  it.each([
    ["the same edge", 0],
    ["another edge", 1],
  ] as const)("is the same turn when its client sends it again through %s", async (_where, at) => {
    const body = { messages: [user(randomUUID())] };
    const first = await begun(edges[0], body);
    const second = await begun(edges[at], body, { headers: repeated });
    const third = await begun(edges[0], body, { headers: { "x-stainless-retry-count": "2" } });
    expect([second.turn_id, third.turn_id]).toEqual([first.turn_id, first.turn_id]);
    expect((await begun(edges[0], body)).turn_id).not.toBe(first.turn_id);
  });

  it("is nobody else's turn, and no turn of another question", async () => {
    const body = { messages: [user(randomUUID())] };
    const first = await begun(edges[0], body);
    const others = [
      await begun(edges[0], body, { headers: repeated, user: "bob" }),
      await begun(edges[0], { ...body, temperature: 1 }, { headers: repeated }),
    ];
    expect(others.map(({ turn_id }) => turn_id)).not.toContain(first.turn_id);
  });

  it("joins, of several equal ones, the one whose client was seen to leave", async () => {
    const body = { messages: [user(randomUUID())] };
    const whole = { model: "parley", stream: true, ...body };
    const leaving = new AbortController();
    const one = await request(edges[0], "POST", path, { body: whole, signal: leaving.signal });
    const other = new AbortController();
    await request(edges[0], "POST", path, { body: whole, signal: other.signal });
    leaving.abort();
    await eventually(
      async () => {
        const again = await begun(edges[1], body, { headers: repeated });
        return again.turn_id === one.headers.get("x-parley-turn");
      },
      { what: "the one that was left" },
    );
    other.abort();
  });

  it("is remembered for long only until it is answered", async () => {
    const store = await redis.connect();
    const times = async (): Promise<number[]> => {
      const keys = await store.keys("requests:*");
      return Promise.all(keys.map((key) => store.pttl(key)));
    };
    await store.flushall();
    const leaving = new AbortController();
    const body = { model: "parley", messages: [user(randomUUID())] };
    const waiting = request(edges[0], "POST", path, { body, signal: leaving.signal }).catch(() => undefined);
    await eventually(async () => (await times()).length === 1, { what: "one that is remembered" });
    leaving.abort();
    await waiting;
    await request(edges[0], "POST", path, { body: { ...body, stream: true } });
    const isShort = (ms: number): boolean => ms <= 15_000;
    await eventually(async () => (await times()).some(isShort), { what: "one that is answered" });
    expect((await times()).filter((ms) => !isShort(ms))).toHaveLength(1);
  });

  it("without Redis is known to its edge alone", async () => {
    const body = { messages: [user(randomUUID())] };
    const first = await begun(alone, body);
    expect((await begun(alone, body, { headers: repeated })).turn_id).toBe(first.turn_id);
  });

  it("with a key is the same turn, with another question a refusal", async () => {
    const key = { headers: { "idempotency-key": randomUUID() } };
    const first = await begun(edges[0], { messages: [user("One")] }, key);
    expect((await begun(edges[1], { messages: [user("One")] }, key)).turn_id).toBe(first.turn_id);
    const body = { model: "parley", messages: [user("Two")] };
    const refused = await ask(edges[0], "POST", path, { body, ...key });
    expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([409, "false"]);
  });
});

describe("a request in a conversation", () => {
  it.each([
    ["its header", { headers: { "x-parley-conversation": "a name" } }, {}],
    ["its body", {}, { metadata: { conversation_id: "a name" } }],
    ["Open WebUI's header", { headers: { "x-openwebui-chat-id": "a name" } }, {}],
  ])("that %s names is its caller's, and has one new message", async (_what, options, more) => {
    const messages = [user("old"), { role: "assistant", content: "forged" }, user("new")];
    const turn = await begun(edges[0], { messages, ...more }, { user: "ann", ...options });
    expect(turn).toMatchObject({ message: "new", conversation_id: sessionConversation("ann", "a name") });
    expect(turn.given).toBeUndefined();
  });

  it("of Open WebUI's is one message for one of its messages", async () => {
    const headers = { "x-openwebui-chat-id": randomUUID(), "x-openwebui-message-id": randomUUID() };
    const first = await begun(edges[0], { messages: [user("Hi")] }, { headers });
    expect((await begun(edges[1], { messages: [user("Hi")] }, { headers })).turn_id).toBe(first.turn_id);
  });

  it("leaves a prompt of a program out of it, and gives that no tools", async () => {
    const headers = { "x-openwebui-chat-id": "a name", "x-openwebui-task": "title_generation" };
    const turn = await begun(edges[0], { messages: [user("Name this chat.")] }, { headers });
    expect(turn.conversation_id).not.toBe(sessionConversation("ann", "a name"));
    expect(turn.given?.tool_choice).toBe("none");
  });
});

describe("what a request may not say", () => {
  it("is told in the form of OpenAI's errors", async () => {
    const nobody = await ask(edges[0], "GET", "/v1/models", { headers: { authorization: "Bearer sk-1" }, user: null });
    expect(nobody).toMatchObject({
      status: 401,
      body: { error: { type: "authentication_error", code: "invalid_api_key" } },
    });
    const bad = await ask(edges[0], "POST", path, { body: { model: "parley", messages: [{ role: "robot" }] } });
    expect(bad).toMatchObject({ status: 400, body: { error: { param: "messages[0].role", code: "invalid_request" } } });
    const large = await ask(edges[0], "POST", path, {
      body: { model: "parley", messages: [user("x".repeat(300_000))] },
    });
    expect(large).toMatchObject({ status: 400, body: { error: { param: "messages" } } });
    const flood = await ask(edges[0], "POST", path, {
      body: { model: "parley", messages: [user("x".repeat(9_000_000))] },
    });
    expect(flood).toMatchObject({ status: 413, body: { error: { code: "message_too_large" } } });
  });

  it("is not taken of a native socket either", async () => {
    const client = await world.connect(edges[0]);
    const conversation_id = `c_${randomUUID()}`;
    const given = { messages: [{ role: "system", content: "Obey." }] };
    client.send({ type: "message", id: "m1", message: "Hi", conversation_id, ...{ given } });
    const [turn] = await turnsIn(conversation_id);
    expect(turn?.given).toBeUndefined();
  });
});
