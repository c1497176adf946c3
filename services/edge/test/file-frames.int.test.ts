import { encodeFileFrame, type FileFrame } from "@parley/protocol";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { fileRequest, filesPath, hashOf, picture } from "./support/file-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

const pieceBytes = 200_000;
const headerOf = (bytes: Buffer, more: Partial<FileFrame> = {}): FileFrame => ({
  ...{ type: "file", id: "f1", name: "cat.png", media_type: "image/png", bytes: bytes.length, offset: 0 },
  ...more,
});
const send = (client: TestClient, bytes: Buffer, header: FileFrame, size = pieceBytes): void =>
  client.sendBytes(encodeFileFrame(header, bytes.subarray(header.offset, header.offset + size)), "binary");

/** A frame as a client without a library would make it. */
function raw(length: number, header: string, bytes = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([head, Buffer.from(header), bytes]);
}

describe("a file over a socket", () => {
  it("is stored a frame at a time, and goes on over another socket to another edge", async () => {
    const bytes = picture(1_100_000);
    const client = await world.connect(edge);
    send(client, bytes, headerOf(bytes, { id: "over" }));
    const { file_id, offset } = await client.next("file_progress");
    expect(offset).toBe(pieceBytes);
    client.terminate();
    const second = await world.connect(other);
    // Without bytes it asks.
    second.sendBytes(encodeFileFrame(headerOf(bytes, { id: "over" }), Buffer.alloc(0)), "binary");
    expect((await second.next("file_progress")).offset).toBe(pieceBytes);
    for (let at = pieceBytes; at < bytes.length; at += pieceBytes)
      send(second, bytes, headerOf(bytes, { id: "over", offset: at }));
    expect(await second.next("file_stored")).toEqual({
      ...{ type: "file_stored", id: "over", file_id, name: "cat.png", media_type: "image/png", bytes: bytes.length },
    });
    const read = await fileRequest(edge, "GET", `${filesPath}/${file_id}`);
    expect(hashOf(new Uint8Array(await read.arrayBuffer()))).toBe(hashOf(bytes));
    // Sent again as a whole by a client that had no answer.
    send(second, bytes, headerOf(bytes, { id: "over" }));
    expect((await second.next("file_stored")).file_id).toBe(file_id);
  });

  it("does not hold up the other frames of its socket", async () => {
    const bytes = picture(1_000_000);
    const client = await world.connect(edge);
    for (let at = 0; at < bytes.length; at += pieceBytes) send(client, bytes, headerOf(bytes, { id: "p", offset: at }));
    client.send({ type: "ping" });
    await client.next("pong");
    await client.next("file_stored");
  });

  it("is a conversation's of the caller at once, and no other one's", async () => {
    const bytes = picture(1_000);
    const client = await world.connect(edge);
    client.send({ type: "message", id: "m1", message: "hello", conversation_id: "c_files" });
    await client.next("accepted");
    send(client, bytes, headerOf(bytes, { id: "c", conversation_id: "c_files" }));
    const { file_id } = await client.next("file_stored");
    expect((await world.bus.files.read(file_id))?.conversation_id).toBe("c_files");
    const stranger = await world.connect(other, "eve");
    send(stranger, bytes, headerOf(bytes, { id: "c", conversation_id: "c_files" }));
    expect(await stranger.next("error")).toMatchObject({ frame: "file", id: "c", code: "FORBIDDEN" });
    expect(await world.bus.files.keptBy({ user: "eve" })).toEqual({ files: 0, bytes: 0 });
  });

  it("is refused where it is no picture, is larger than it says, or jumps", async () => {
    const client = await world.connect(edge, "bob");
    const program = Buffer.concat([Buffer.from("MZ"), Buffer.alloc(100_000, 1)]);
    send(client, program, headerOf(program, { id: "exe" }));
    expect(await client.next("error")).toMatchObject({ frame: "file", id: "exe", code: "UNSUPPORTED" });
    const bytes = picture(1_000);
    client.sendBytes(encodeFileFrame(headerOf(bytes, { id: "big", bytes: 10 }), bytes), "binary");
    expect(await client.next("error")).toMatchObject({ id: "big", code: "MESSAGE_TOO_LARGE" });
    send(client, bytes, headerOf(bytes, { id: "jump", offset: 500 }));
    expect(await client.next("error")).toMatchObject({
      id: "jump",
      code: "CONFLICT",
      error: "The file goes on at byte 0.",
    });
    client.sendBytes(encodeFileFrame(headerOf(bytes, { id: "huge", bytes: 2 ** 40 }), bytes), "binary");
    expect(await client.next("error")).toMatchObject({ id: "huge", code: "MESSAGE_TOO_LARGE" });
  });
});

describe("a binary frame that is none", () => {
  it.each<[string, Buffer, object]>([
    ["nothing", Buffer.alloc(0), {}],
    ["three bytes", Buffer.from([0, 0, 0]), {}],
    ["a header beyond its end", raw(500, '{"type":"file"}'), {}],
    ["a length of four gigabytes", raw(0xffff_ffff, "{}"), {}],
    ["a header that is no JSON", raw(5, "{...}"), {}],
    ["a header that is not UTF-8", Buffer.concat([raw(2, ""), Buffer.from([0xff, 0xfe])]), {}],
    ["a header of another type", raw(30, '{"type":"message","id":"m"}   '), { id: "m" }],
    ["a negative offset", raw(90, JSON.stringify({ ...headerOf(Buffer.alloc(9)), offset: -1 }).padEnd(90)), {}],
  ])("is refused, and the socket stays: %s", async (_what, frame, address) => {
    const client = await world.connect(edge, "carl");
    client.sendBytes(frame, "binary");
    expect(await client.next("error")).toMatchObject({ code: "INVALID_FRAME", frame: "file", ...address });
    client.send({ type: "ping" });
    await client.next("pong");
    client.close();
  });

  it("is refused before anybody is known", async () => {
    const client = await connectClient(edge.url);
    await client.next("welcome");
    client.sendBytes(encodeFileFrame(headerOf(picture(100)), picture(100)), "binary");
    expect(await client.next("error")).toMatchObject({ code: "AUTH_REQUIRED", frame: "file", id: "f1" });
    client.close();
  });

  it("is what it was on sockets of other dialects", async () => {
    const socket = new WebSocket(edge.url);
    await new Promise((resolve) => socket.once("open", resolve));
    const answer = new Promise<string>((resolve) => socket.once("message", (data: Buffer) => resolve(data.toString())));
    socket.send(encodeFileFrame(headerOf(picture(100)), picture(100)));
    expect(await answer).toContain("Frames are JSON as text, and this one was binary.");
    socket.terminate();
  });
});
