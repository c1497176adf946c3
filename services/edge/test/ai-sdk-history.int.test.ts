import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, request } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

const Page = z.object({
  messages: z.array(
    z.looseObject({ id: z.string(), role: z.string(), parts: z.array(z.looseObject({ type: z.string() })) }),
  ),
  before: z.string().optional(),
});

/** The turn as its worker records it. */
function recordOf(place: { conversation_id: string; turn_id: string }, asked: string, answered: string) {
  const messageOf = (name: string, text: string) => ({
    message_id: `${place.turn_id}-${name}`,
    parts: [{ type: "text" as const, text }],
    ts: 1,
  });
  const question = { ...messageOf("u", asked), id: `${asked}-id`, author: { role: "user" as const, id: "ann" } };
  const usage = { input_tokens: 1, output_tokens: 1 };
  const answer = { ...messageOf("a", answered), author: { role: "assistant" as const }, status: "complete", usage };
  return { v: 2, kind: "turn" as const, ...place, question, answer };
}

/** A chat under its page's own name, whose answers are in the hands of the test. */
function openChat(id = `chat-${randomUUID()}`) {
  return {
    id,
    async say(text: string) {
      const messages = [{ id: `${text}-id`, role: "user", parts: [{ type: "text", text }] }];
      const response = await request(edge, "POST", "/api/ai/chat", { body: { id, messages } });
      expect(response.status).toBe(200);
      const [, conversation = "", turn = ""] = (response.headers.get("x-workflow-run-id") ?? "").split(".");
      return {
        conversation,
        turn,
        async end(answered: string): Promise<void> {
          await world.bus.transcripts.append(
            recordOf({ conversation_id: conversation, turn_id: turn }, text, answered),
          );
          await world.worker.take(conversation, turn).complete(answered);
          await response.text();
        },
      };
    },
    async load(query = "", user = "ann") {
      const { status, body } = await ask(edge, "GET", `/api/ai/chat/${id}/messages${query}`, { user });
      expect(status).toBe(200);
      return Page.parse(body);
    },
  };
}

const question = (text: string) => ({ id: `${text}-id`, role: "user", parts: [{ type: "text", text }] });

describe("the messages of an AI SDK chat", () => {
  it("are had by the page's own name of it, the question of an answer that runs among them", async () => {
    const chat = openChat();
    const first = await chat.say("one");
    expect(await chat.load()).toEqual({ messages: [question("one")] });
    await first.end("First.");
    const { turn, conversation } = await chat.say("two");
    await chat.say("three");
    const { messages } = await chat.load("?v=7");
    expect(messages).toMatchObject([
      question("one"),
      {
        id: `${first.turn}-a`,
        role: "assistant",
        metadata: { conversation_id: conversation, turn_id: first.turn },
        parts: [{ type: "step-start" }, { type: "text", text: "First.", state: "done" }],
      },
      question("two"),
      question("three"),
    ]);
    expect(messages.some(({ id }) => id === `${turn}-a`)).toBe(false);
  });

  it("come a page at a time, the newest page first", async () => {
    const chat = openChat();
    for (const text of ["one", "two"]) {
      const { end } = await chat.say(text);
      await end(`${text}!`);
    }
    const newest = await chat.load("?limit=2");
    expect(newest.messages.map(({ parts }) => parts.at(-1)?.["text"])).toEqual(["two", "two!"]);
    const oldest = await chat.load(`?limit=2&before=${newest.before}`);
    expect(oldest.messages.map(({ parts }) => parts.at(-1)?.["text"])).toEqual(["one", "one!"]);
    expect(oldest.before).toBeUndefined();
  });

  it("are none of a chat that is not there, or is somebody else's", async () => {
    const chat = openChat();
    expect(await chat.load()).toEqual({ messages: [] });
    const { conversation } = await chat.say("one");
    expect(await chat.load("", "eve")).toEqual({ messages: [] });
    expect(await openChat(conversation).load("", "eve")).toEqual({ messages: [] });
    expect((await openChat(conversation).load()).messages).toHaveLength(1);
  });

  it("are refused for a version that nobody has, and for a place that is not in the chat", async () => {
    const chat = openChat();
    await chat.say("one");
    for (const query of ["v=4", "limit=0", "before=4000000000"]) {
      const { status } = await ask(edge, "GET", `/api/ai/chat/${chat.id}/messages?${query}`);
      expect([query, status]).toEqual([query, 400]);
    }
  });

  it("are had without a token where the chat is", async () => {
    const chat = `chat-${randomUUID()}`;
    const messages = [question("one")];
    const sent = await request(edge, "POST", "/api/ai/chat", { user: null, body: { id: chat, messages } });
    const { status, body } = await ask(edge, "GET", `/api/ai/chat/${chat}/messages`, { user: null });
    expect([sent.status, status, body]).toEqual([200, 200, { messages }]);
  });
});
