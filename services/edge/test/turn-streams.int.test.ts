import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { createChatCompletionsSpeech, responseIdOf } from "@parley/dialects";
import { Limits, toChatError } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Facade } from "../src/transport/facade.ts";
import type { Question } from "../src/transport/http-turns.ts";
import { defineRoute, nothing, type Call } from "../src/transport/route.ts";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, request } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

const path = "/v1/chat/completions";
const cancels = { "x-parley-cancel-on-disconnect": "1" };
const hello = { model: "parley", messages: [{ role: "user", content: "Hi" }] };

async function turnIn(conversation: string) {
  return eventually(async () => (await world.bus.turns.waiting(conversation))[0]?.request, { what: "the turn" });
}

const cancelOf = (conversation: string, turn: string) => world.bus.facts.read("cancel", { conversation, turn });

/** A stream of which the first words have come. */
async function streamed(on: EdgeUnderTest, headers: Record<string, string> = {}) {
  const leaving = new AbortController();
  const body = { ...hello, stream: true };
  const response = await request(on, "POST", path, { body, headers, signal: leaving.signal });
  const conversation = response.headers.get("x-parley-conversation") ?? "";
  const { turn_id: turn } = await turnIn(conversation);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readTo = async (words: string): Promise<void> => {
    while (!text.includes(words)) {
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) throw new Error(`the stream has ended: ${text}`);
      text += chunk.value;
    }
  };
  await world.worker.take(conversation, turn).token("Hello");
  await readTo("Hello");
  return { conversation, turn, readTo, leave: () => leaving.abort(), text: () => text };
}

describe("a stream of a turn", () => {
  it("is cut when its edge leaves, and never ends as if it were whole; its turn goes on", async () => {
    const leaving = await world.addEdge();
    const stream = await streamed(leaving, cancels);
    // Not "the stream has ended": the connection broke.
    const broken = expect(stream.readTo("[DONE]")).rejects.toThrow("terminated");
    await leaving.drain();
    await broken;
    expect(stream.text()).not.toContain('finish_reason":"');
    expect(await cancelOf(stream.conversation, stream.turn)).toBeUndefined();
  });

  it("is stopped when its client leaves, where that is wished, else not", async () => {
    const [stopped, goesOn] = [await streamed(edge, cancels), await streamed(edge)];
    goesOn.leave();
    stopped.leave();
    await eventually(() => cancelOf(stopped.conversation, stopped.turn), { what: "the cancel" });
    expect(await cancelOf(goesOn.conversation, goesOn.turn)).toBeUndefined();
  });
});

/** Routes that ask a question at once, or when their client has gone. */
function createTwoRoutes(seen: Map<string, Promise<string>>, came: Set<string>): Facade {
  return ({ streams }) => {
    const route = (name: string, look: (call: Call, asked: { readonly question: Question }) => Promise<unknown>) =>
      defineRoute({
        ...{ method: "post", path: `/held/${name}`, summary: "", access: "user", params: nothing, query: nothing },
        body: z.object({ conversation_id: z.string(), waits: z.boolean() }),
        responses: {},
        async handle(call, { body: { conversation_id, waits } }) {
          came.add(conversation_id);
          if (waits) await new Promise<void>((resolve) => call.exchange.onGone(() => resolve()));
          const asked = { type: "message", id: "m1", message: "Hi", conversation_id, on_busy: "enqueue" } as const;
          const looked = look(call, { question: asked });
          const told = looked.then(
            () => "answered",
            (error: unknown) => toChatError(error).code,
          );
          seen.set(conversation_id, told);
          await told;
          return undefined;
        },
      });
    const speech = createChatCompletionsSpeech({ model: "m", createdS: 0, hasUsage: false, hasReasoning: false });
    return [
      route("stream", (call, asked) => streams.stream(call, asked, { speech, stopsWhenGone: true })),
      route("settle", (call, asked) => streams.settle(call, asked, { stopsAtWait: true, stopsWhenGone: true })),
      route("goes-on", (call, asked) => streams.settle(call, asked, { stopsAtWait: true })),
    ];
  };
}

describe("a client that leaves", () => {
  const seen = new Map<string, Promise<string>>();
  const came = new Set<string>();
  let held: EdgeUnderTest;
  beforeAll(async () => {
    held = await world.addEdge({ facades: [createTwoRoutes(seen, came)] });
  });

  /** `early`: before its message goes to the queue. */
  async function left(name: string, isEarly: boolean): Promise<{ conversation: string; turn: string }> {
    const conversation = `c_${randomUUID()}`;
    const leaving = new AbortController();
    const body = { conversation_id: conversation, waits: isEarly };
    const asked = request(held, "POST", `/held/${name}`, { body, signal: leaving.signal }).catch(() => undefined);
    await eventually(() => came.has(conversation), { what: "the request" });
    if (!isEarly) await turnIn(conversation);
    leaving.abort();
    await asked;
    return { conversation, turn: (await turnIn(conversation)).turn_id };
  }

  it.each([
    ["a stream, before its message is queued", "stream", true],
    ["a stream", "stream", false],
    ["what waits for the end, before its message is queued", "settle", true],
    ["what waits for the end", "settle", false],
  ])("has its turn stopped, where that is wished, of %s", async (_what, name, isEarly) => {
    const { conversation, turn } = await left(name, isEarly);
    await eventually(() => cancelOf(conversation, turn), { what: "the cancel" });
  });

  it.each([
    ["at once", false],
    ["before its message is queued", true],
  ])("frees what waits for the end of its turn, which goes on (%s)", async (_what, isEarly) => {
    const { conversation, turn } = await left("goes-on", isEarly);
    expect(await seen.get(conversation)).toBe("SHUTTING_DOWN");
    await eventually(() => held.sockets() === 0, { what: "that nothing is held" });
    expect(await cancelOf(conversation, turn)).toBeUndefined();
  });
});

describe("HEAD of a stream", () => {
  it.each([
    ["AI SDK", ({ conversation }: { conversation: string }) => `/api/ai/chat/${conversation}/stream`],
    [
      "Responses",
      ({ conversation: conversation_id, turn: turn_id }: { conversation: string; turn: string }) =>
        `/v1/responses/${responseIdOf({ conversation_id, turn_id, segment: 0 })}?stream=true`,
    ],
  ])("has a head and nothing else (%s)", async (_what, pathOf) => {
    const where = pathOf(await streamed(edge));
    const token = await tokenOf("ann");
    const socket = connect(edge.port, "127.0.0.1");
    let text = "";
    socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
    const say = (method: string, address: string) =>
      socket.write(`${method} ${address} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
    say("HEAD", where);
    await eventually(() => text.includes("\r\n\r\n"), { what: "the head" });
    // What comes next on the same connection is the next answer.
    const end = text.length;
    say("GET", "/nowhere");
    await eventually(() => text.includes("There is nothing at"), { what: "the next answer" });
    socket.destroy();
    expect(text).toMatch(/^HTTP\/1.1 200 /);
    expect(text.indexOf("\r\n\r\n") + 4).toBe(end);
    expect(text.slice(end)).toMatch(/^HTTP\/1.1 404 /);
  });
});

const openAi = (code: string) => ({ error: { message: expect.any(String), type: expect.any(String), code } });
const jsonRpc = { jsonrpc: "2.0", error: { code: expect.any(Number), message: expect.any(String) } };

describe("what is refused before it comes to a protocol is said as its clients read it", () => {
  const foreign = { origin: "https://elsewhere.example" };
  const plain = { "content-type": "text/plain" };
  it.each([
    ["POST", path, plain, 415, openAi("unsupported")],
    ["PUT", path, {}, 405, openAi("unsupported")],
    ["POST", path, foreign, 403, openAi("forbidden")],
    ["POST", "/v1/responses", plain, 415, openAi("unsupported")],
    ["PUT", "/v1/responses", {}, 405, openAi("unsupported")],
    ["POST", "/v1/responses", foreign, 403, openAi("forbidden")],
    ["POST", "/a2a", plain, 415, jsonRpc],
    ["PUT", "/a2a", {}, 405, jsonRpc],
    ["POST", "/a2a", foreign, 403, jsonRpc],
    ["POST", "/mcp", plain, 415, jsonRpc],
    ["PUT", "/mcp", {}, 405, jsonRpc],
    ["POST", "/mcp", foreign, 403, jsonRpc],
  ])("(%s %s %j: %d)", async (method, where, headers, status, body) => {
    expect(await ask(edge, method, where, { body: hello, headers })).toMatchObject({ status, body });
  });

  it.each([
    ["requests_per_address", path, openAi("rate_limit_exceeded")],
    ["requests_per_user", path, openAi("rate_limit_exceeded")],
    ["requests_per_user", "/a2a", jsonRpc],
    ["requests_per_user", "/mcp", jsonRpc],
  ])("(%s, %s)", async (row, where, body) => {
    const limits = Limits.parse({ [row]: { rate: 0.1, burst: 1 } });
    const limited = await world.addEdge({ callerLimits: () => limits, whence: { trusted: [], exempt: [] } });
    await ask(limited, "GET", "/v1/models");
    const refused = await ask(limited, "POST", where, { body: hello });
    expect(refused).toMatchObject({ status: 429, body });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("(an edge that leaves, while the answer is waited for)", async () => {
    const leaving = await world.addEdge();
    const headers = { "idempotency-key": randomUUID(), "x-parley-conversation": randomUUID() };
    const waiting = ask(leaving, "POST", path, { body: hello, headers });
    await eventually(() => leaving.sockets() === 1, { what: "one that waits" });
    await leaving.drain();
    const refused = await waiting;
    expect(refused).toMatchObject({ status: 503, body: openAi("shutting_down") });
    expect(refused.headers.get("x-should-retry")).toBe("true");
    const late = await ask(leaving, "POST", path, { body: hello });
    expect(late).toMatchObject({ status: 503, body: openAi("shutting_down") });
  });
});
