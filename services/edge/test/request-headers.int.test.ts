import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** What a raw request is answered with until its connection ends. `Connection: close` ends the good ones. */
function send(first: string, lines: readonly string[]): Promise<string> {
  const socket = connect(edge.port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  socket.write([first, "Host: edge", "Connection: close", ...lines, "", ""].join("\r\n"));
  return new Promise((resolve) => {
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

const get = "GET /api/openapi.json HTTP/1.1";

function lines(count: number, value = "v"): string[] {
  return Array.from({ length: count }, (_, i) => `X-Line-${i}: ${value}`);
}

describe("a request", () => {
  it("may have 98 header lines", async () => {
    expect(await send(get, lines(96))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("with more of them than fit into 4 KB is refused at once", async () => {
    expect(await send(get, lines(150, "v".repeat(40)))).toMatch(/^HTTP\/1\.1 (431|400) /);
  });

  // The registry's build of uWebSockets.js takes the lines for a head that is not whole yet, and gives up after ten seconds. The official one that
  // the image has refuses at once (uNetworking/uWebSockets 388e2b3).
  it.concurrent.each([
    ["a page", get, []],
    ["a message", "POST /api/v1/chat HTTP/1.1", ["Content-Type: application/json", "Content-Length: 2"]],
    ["an upgrade", "GET /ws/chat HTTP/1.1", ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]],
  ])("for %s with more lines is never handled, and its connection ends", async (_what, first, more) => {
    expect(await send(first, [...more, ...lines(150)])).toMatch(/^(HTTP\/1\.1 (431|400) |$)/);
  });
});
