import { limits } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { connectSeedClient } from "./support/seed-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let client: TestClient;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  client = await world.connect(edge);
});
afterAll(() => world[Symbol.asyncDispose]());

describe("the answer to a frame that cannot be read", () => {
  const conversation_id = "c_refused";

  it.each([
    [
      { type: "subscribe", conversation_id, after: -1 },
      { frame: "subscribe", conversation_id },
    ],
    [
      { type: "subscribe", conversation_id, after: 1.5 },
      { frame: "subscribe", conversation_id },
    ],
    [
      { type: "cancel", conversation_id, turn_id: "a turn" },
      { frame: "cancel", conversation_id },
    ],
    [
      { type: "message", id: "m1", conversation_id },
      { frame: "message", id: "m1", conversation_id },
    ],
    [
      { type: "message", id: "m2", message: "hi", conversation_id: "a.b" },
      { frame: "message", id: "m2" },
    ],
    [{ type: "message", id: 7, message: "hi", conversation_id: ["c"] }, { frame: "message" }],
    [
      { type: "dance", id: "m3", conversation_id },
      { frame: "dance", id: "m3", conversation_id },
    ],
    [
      { type: "message", id: "m4", message: "hi", metadata: deep(40) },
      { frame: "message", id: "m4" },
    ],
    [{ type: "x".repeat(200), conversation_id }, { conversation_id }],
    [{ id: "m5" }, { id: "m5" }],
  ])("says which one it was: %j", async (frame, address) => {
    const other = await world.connect(edge);
    other.send(frame);
    const { error, ...answer } = await other.next("error");
    expect(answer).toEqual({ type: "error", code: "INVALID_FRAME", retryable: false, ...address });
    expect(error).toMatch(/^The frame is not valid: \w+/);
    other.close();
  });

  it("says it too of one that chose the native dialect", async () => {
    const plain = await connectSeedClient(edge.url);
    plain.send({ type: "subscribe", conversation_id, after: -1 });
    const frames = await plain.until("error");
    expect(frames.at(-1)).toMatchObject({ code: "INVALID_FRAME", frame: "subscribe", conversation_id });
    plain.close();
  });

  it.each([
    ["a frame", { type: "message", id: "l1", message: "hi", shiny: "x".repeat(limits.clientFrameBytes) }],
    ["metadata", { type: "message", id: "l1", message: "hi", metadata: { note: "x".repeat(limits.clientFrameBytes) } }],
    ["a text", { type: "message", id: "l1", message: "\u0000".repeat(limits.messageBytes + 1) }],
  ])("names the limit that %s passed, and the message", async (_what, frame) => {
    client.send(frame);
    expect(await client.next("error")).toMatchObject({
      code: "MESSAGE_TOO_LARGE",
      id: "l1",
      frame: "message",
      error: expect.stringMatching(/^(The frame|The text) is larger than \d+ KB\.$/),
    });
  });
});

describe("a frame above what is read at all", () => {
  it("ends its socket, and nobody else's", async () => {
    const other = await world.connect(edge);
    other.sendText("x".repeat(limits.escapedFrameBytes + 1));
    expect([1006, 1009]).toContain(await other.closed);
    client.send({ type: "ping" });
    await client.next("pong");
  });
});

function deep(levels: number): object {
  return levels === 0 ? {} : { deeper: deep(levels - 1) };
}

describe("a binary frame", () => {
  it("is not read as text, and is answered in its place", async () => {
    const other = await world.connect(edge);
    other.send({ type: "subscribe", conversation_id: "c_nobody" });
    other.sendBytes(Buffer.from(JSON.stringify({ type: "message", id: "b1", message: "hi" })), "binary");
    other.send({ type: "ping" });
    await other.next("pong");
    expect(other.frames.slice(2)).toMatchObject([
      { code: "NOT_FOUND", frame: "subscribe" },
      { type: "error", code: "INVALID_FRAME", error: "The header of a binary frame is not as long as it says." },
      { type: "pong" },
    ]);
    other.close();
  });

  it("is answered in every dialect, and counts as an invalid frame", async () => {
    const plain = await connectSeedClient(edge.url);
    plain.send(Buffer.from('{"message":"hi"}'));
    expect(await plain.next()).toMatchObject({ code: "INVALID_FRAME", data: { code: "INVALID_FRAME" } });
    for (let i = 0; i < 20; i++) plain.send(Buffer.from([0xff]));
    expect(await plain.closed).toBe(4501);
  });
});

describe("a text frame that is not UTF-8", () => {
  it.each([
    ["a byte that is none", [0xff]],
    ["half of a surrogate pair", [0xed, 0xa0, 0xbd]],
    ["a character that is cut", [0xf0, 0x9f, 0x98]],
  ])("(%s) ends its socket, and nobody else's", async (_what, bytes) => {
    const other = await world.connect(edge);
    other.sendBytes(
      Buffer.concat([Buffer.from('{"type":"ping","x":"'), Buffer.from(bytes), Buffer.from('"}')]),
      "text",
    );
    expect([1006, 1007]).toContain(await other.closed);
    client.send({ type: "ping" });
    await client.next("pong");
  });
});
