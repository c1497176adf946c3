import { createServer, type Server, type Socket } from "node:net";
import { openBus, type Bus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { startNats, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const log = createLogger({ service: "test", level: "silent", format: "pretty" });

/** What a simulated clamd does with a stream: clamd itself is in no registry. */
let mode: "scan" | "error" | "cut" = "scan";
let scanned = 0;

/** A simulated clamd: it knows INSTREAM alone, and takes for harmful what has the word in it. */
async function startSimulatedClamd(): Promise<Server> {
  const server = createServer((socket) => void serve(socket).catch(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function serve(socket: Socket): Promise<void> {
  let bytes = Buffer.alloc(0);
  let text = "";
  let isTold = false;
  for await (const piece of socket) {
    bytes = Buffer.concat([bytes, Buffer.from(piece)]);
    if (!isTold) {
      if (bytes.length < 10) continue;
      if (bytes.subarray(0, 10).toString() !== "zINSTREAM\0") return void socket.end("UNKNOWN COMMAND\0");
      bytes = bytes.subarray(10);
      isTold = true;
    }
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      const length = bytes.readUInt32BE();
      text += bytes.subarray(4, 4 + length).toString("latin1");
      bytes = bytes.subarray(4 + length);
      scanned += length;
      if (length > 0) continue;
      if (mode === "cut") return void socket.destroy();
      if (mode === "error") return void socket.end("INSTREAM size limit exceeded. ERROR\0");
      return void socket.end(text.includes("HARMFUL") ? "stream: Simulated.Test FOUND\0" : "stream: OK\0");
    }
  }
}

let nats: Broker;
let clamd: Server;
let bus: Bus;
let port = 0;
beforeAll(async () => {
  [nats, clamd] = await Promise.all([startNats(), startSimulatedClamd()]);
  const address = clamd.address();
  port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const store = { kind: "nats", maxBytes: 2 ** 28 } as const;
  bus = await openBus({ servers: nats.url, name: "test", log, files: { store, clamd: { host: "127.0.0.1", port } } });
});
afterAll(async () => {
  await bus.close();
  clamd.close();
  await nats[Symbol.asyncDispose]();
});
beforeEach(() => {
  mode = "scan";
  scanned = 0;
});

async function upload(text: string) {
  const bytes = Buffer.from(text);
  const file = { owner: { user: "a" }, name: "a.txt", mediaType: "", bytes: bytes.length };
  const { file_id: id } = await bus.files.begin(file);
  await bus.files.append(id, 0, bytes);
  return id;
}

test("a file is looked at whole before anybody may have it, and who did is kept", async () => {
  const id = await upload("x".repeat(1_500_000));
  const record = await bus.files.finish(id);
  expect(record.scan).toMatchObject({ by: "clamd", result: "OK" });
  expect(scanned).toBe(1_500_000);
});

test("what is found in one is told, and it is gone", async () => {
  const id = await upload(`${"x".repeat(1_200_000)}HARMFUL`);
  await expect(bus.files.finish(id)).rejects.toMatchObject({
    code: "BLOCKED",
    message: "This file is not accepted: clamd has found Simulated.Test in it.",
  });
  expect(await bus.files.read(id)).toBeUndefined();
});

test.each(["error", "cut"] as const)(
  "where it cannot say (%s) nobody gets the file, and it is asked again later",
  async (how) => {
    mode = how;
    const id = await upload("harmless");
    await expect(bus.files.finish(id)).rejects.toMatchObject({ code: "OVERLOADED" });
    await expect(bus.files.attach(id, "c1")).rejects.toMatchObject({ code: "CONFLICT" });
    mode = "scan";
    expect((await bus.files.finish(id)).status).toBe("stored");
  },
);

test("where nobody is there nobody gets the file", async () => {
  const store = { kind: "nats", maxBytes: 2 ** 28 } as const;
  const away = await openBus({
    servers: nats.url,
    name: "x",
    log,
    files: { store, clamd: { host: "127.0.0.1", port: 1 } },
  });
  const id = await upload("harmless too");
  await expect(away.files.finish(id)).rejects.toMatchObject({ code: "OVERLOADED" });
  await away.close();
});
