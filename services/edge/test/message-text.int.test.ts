import { sessionConversation } from "@parley/dialects";
import { limits, subjects } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, tokenOf, tokens, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { connectSeedClient, type SeedClient } from "./support/seed-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** JSON as some libraries write it: every character as an escape, six bytes each. */
function escaped(text: string): string {
  return Array.from(
    { length: text.length },
    (_, i) => String.raw`\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}

const longest: [string, string][] = [
  ["Latin letters", "a".repeat(limits.messageBytes)],
  ["Cyrillic letters", "щ".repeat(limits.messageBytes / 2)],
  ["emoji", "😀".repeat(limits.messageBytes / 4)],
  ["NULs", "\u0000".repeat(limits.messageBytes)],
];

/** The text of the one turn that waits in a conversation, as it is queued and as it is stored. */
async function storedIn(conversation: string): Promise<{ queued: string; stored: string }> {
  const { turn_id, message: queued } = await eventually(
    async () => (await world.bus.turns.waiting(conversation))[0]?.request,
    { what: `a turn in ${conversation}` },
  );
  const event = await eventually(
    async () => (await world.bus.events.last(subjects.user(0, conversation, turn_id)))?.event,
    { what: "the message" },
  );
  return { queued, stored: event.type === "message" ? event.message : "" };
}

async function connectAs(user: string, url = edge.url): Promise<SeedClient> {
  const client = await connectSeedClient(`${url}?token=${await tokenOf(user)}`);
  await client.next();
  return client;
}

describe.each(longest)("the longest text of %s", (name, text) => {
  const id = `c_${name.replaceAll(/\W/g, "")}`;

  it("is taken, stored and shown however its JSON escapes it", async () => {
    const client = await world.connect(edge);
    client.sendText(`{"type":"message","id":"m","conversation_id":"${id}","message":"${escaped(text)}"}`);
    await client.next("accepted");
    expect((await client.next("message")).message).toBe(text);
    expect(await storedIn(id)).toEqual({ queued: text, stored: text });
    client.send({ type: "message", id: "n", conversation_id: id, message: `${text}a` });
    expect(await client.next("error")).toMatchObject({ code: "MESSAGE_TOO_LARGE", id: "n" });
  });

  it("is taken with the most that may be said beside it", async () => {
    const client = await world.connect(edge);
    const metadata = { note: "n".repeat(limits.clientFrameBytes - limits.messageBytes - 200) };
    client.send({ type: "message", id: "m", conversation_id: `${id}_full`, message: text, metadata });
    await client.next("accepted");
    const [turn] = await world.bus.turns.waiting(`${id}_full`);
    expect(turn?.request).toMatchObject({ message: text, metadata });
  });

  it("is taken over HTTP", async () => {
    const body = `{"conversation_id":"${id}_http","message":"${escaped(text)}"}`;
    const asked = ask(edge, "POST", "/api/v1/chat", { body });
    expect(await storedIn(`${id}_http`)).toEqual({ queued: text, stored: text });
    const [turn] = await world.bus.turns.waiting(`${id}_http`);
    await world.worker.take(`${id}_http`, turn?.request.turn_id ?? "").complete("ok");
    expect((await asked).status).toBe(200);
  });

  it.each(["A", "B", "C"])("is taken in dialect %s", async (dialect) => {
    const url = dialect === "B" ? edge.url.replace("/ws/chat", "/api/v1/async/chatbot") : edge.url;
    const client = await connectAs("ann", url);
    const session = `${id}_${dialect}`;
    const rest = dialect === "A" ? `"conversation_id":"${session}"` : `"type":"message","session_id":"${session}"`;
    client.send(`{${rest},"message":"${escaped(text)}"}`);
    const conversation = dialect === "A" ? session : sessionConversation("ann", session);
    expect(await storedIn(conversation)).toEqual({ queued: text, stored: text });
    client.send(`{${rest},"message":"${escaped(`${text}a`)}"}`);
    const answer = await client.next();
    expect(answer["data"] ?? answer).toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    client.close();
  });
});

describe("half of a character", () => {
  const halves = String.raw`a\ud83d b\uDE00c \ud83d\ude00 \\ud83d`;
  const mended = String.raw`a� b�c 😀 \ud83d`;

  it("in a frame becomes U+FFFD wherever it stands", async () => {
    const client = await world.connect(edge);
    client.sendText(
      `{"type":"message","id":"h\\ud83d","conversation_id":"c_half","message":"${halves}","model":"m\\ud83d",` +
        `"customer_id":"k\\ude00","metadata":{"\\ud83d":["${halves}",{"x\\ude00":1}]}}`,
    );
    expect(await client.next("accepted")).toMatchObject({ id: "h�" });
    expect((await client.next("message")).message).toBe(mended);
    const [turn] = await world.bus.turns.waiting("c_half");
    expect(turn?.request).toMatchObject({
      message: mended,
      model: "m�",
      customer_id: "k�",
      metadata: { "�": [mended, { "x�": 1 }] },
    });
  });

  it("in the name that a token has becomes U+FFFD; in its subject it is no token", async () => {
    const client = await world.connect(edge);
    const { token } = await tokens.sign({ id: "ann", name: "An\ud83d", email: "\ude00@x" }, 60_000);
    client.send({ type: "auth", token });
    expect((await client.next("auth_success")).user).toEqual({ id: "ann", name: "An�", email: "�@x" });
    client.send({ type: "auth", token: (await tokens.sign({ id: "ann\ud83d" }, 60_000)).token });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
  });

  it("over HTTP becomes U+FFFD", async () => {
    const asked = ask(edge, "POST", "/api/v1/chat", {
      body: `{"conversation_id":"c_half_http","message":"${halves}"}`,
    });
    expect(await storedIn("c_half_http")).toEqual({ queued: mended, stored: mended });
    const [turn] = await world.bus.turns.waiting("c_half_http");
    await world.worker.take("c_half_http", turn?.request.turn_id ?? "").complete("ok");
    await asked;
  });

  it.each(["A", "C"])("in dialect %s becomes U+FFFD", async (dialect) => {
    const client = await connectAs("ann");
    const rest = dialect === "A" ? '"conversation_id":"half-A"' : '"type":"message","session_id":"half-C"';
    client.send(`{${rest},"message":"${halves}"}`);
    const conversation = dialect === "A" ? "half-A" : sessionConversation("ann", "half-C");
    expect(await storedIn(conversation)).toEqual({ queued: mended, stored: mended });
    client.close();
  });
});

describe("an HTTP body", () => {
  it.each([
    ["a byte that is none", [0xff]],
    ["half of a surrogate pair", [0xed, 0xa0, 0xbd]],
    ["a character that is cut", [0xf0, 0x9f, 0x98]],
  ])("that is not UTF-8 (%s) is refused", async (_what, bytes) => {
    const body = Buffer.concat([Buffer.from('{"message":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const response = await fetch(`http://127.0.0.1:${edge.port}/api/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${await tokenOf("ann")}` },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: "The body is not UTF-8.",
      code: "INVALID_FRAME",
      retryable: false,
    });
  });

  it("above the limit of a frame is refused, and the limit is named", async () => {
    const body = { message: "hi", shiny: "x".repeat(limits.clientFrameBytes) };
    const { status, body: answer } = await ask(edge, "POST", "/api/v1/chat", { body });
    expect([status, answer.code, answer.error]).toEqual([413, "MESSAGE_TOO_LARGE", "The body is larger than 64 KB."]);
  });
});
