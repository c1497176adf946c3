import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEdgeAlone, type EdgeAlone } from "./edge-alone.ts";
import { controls } from "./rfc6455/controls.ts";
import { delivery } from "./rfc6455/delivery.ts";
import { fragments } from "./rfc6455/fragments.ts";
import { framing } from "./rfc6455/framing.ts";
import { handshakes } from "./rfc6455/handshakes.ts";
import { play } from "./rfc6455/play.ts";
import { texts } from "./rfc6455/texts.ts";
import { jsonFrame } from "./wire/frame-bytes.ts";
import { handshake, openRaw, sampleAccept } from "./wire/handshake.ts";
import { connectRaw } from "./wire/raw-peer.ts";

let alone: EdgeAlone;
let pid: number;

beforeAll(async () => {
  alone = await startEdgeAlone();
  ({ pid } = alone.edge);
});
afterAll(() => alone[Symbol.asyncDispose]());

describe("a handshake", () => {
  it.concurrent.each(handshakes)("$section $name", { timeout: 30_000 }, async ({ request, gives }) => {
    using peer = await connectRaw(alone.edge.port);
    peer.write(Buffer.from(request, "latin1"));
    const answer = await eventually(() => statusOf(peer.head()) ?? (peer.hasEnded() ? "cut" : undefined), {
      what: "an answer, or the end",
      timeoutMs: 25_000,
    });
    expect(gives).toContain(answer);
  });

  it("is answered with the accept key of the RFC, our subprotocol and no extension", async () => {
    using peer = await connectRaw(alone.edge.port);
    const headers = { "Sec-WebSocket-Protocol": "x, parley.v1", "Sec-WebSocket-Extensions": "permessage-deflate" };
    peer.write(handshake({ headers }));
    await eventually(() => peer.frames.length > 0, { what: "the welcome" });
    const [first, ...lines] = peer.head().trimEnd().split("\r\n");
    const answer = new Map(lines.map((line) => [line.split(": ")[0]?.toLowerCase(), line.split(": ")[1]]));
    expect(first).toMatch(/^HTTP\/1\.1 101 /);
    expect(Object.fromEntries(answer)).toMatchObject({
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-accept": sampleAccept,
      "sec-websocket-protocol": "parley.v1",
    });
    expect(answer.has("sec-websocket-extensions")).toBe(false);
  });

  it("says which version it wants", async () => {
    using peer = await connectRaw(alone.edge.port);
    peer.write(handshake({ headers: { "Sec-WebSocket-Version": "8" } }));
    await eventually(() => peer.head().endsWith("}"), { what: "an answer" });
    expect(peer.head()).toMatch(/^HTTP\/1\.1 426 /);
    expect(peer.head().toLowerCase()).toContain("sec-websocket-version: 13\r\n");
  });

  // A client must wait for the answer before it sends anything (4.1). uWebSockets.js drops what does not wait.
  it("has nothing behind it in the same segment that would be read", async () => {
    using peer = await connectRaw(alone.edge.port);
    peer.write(Buffer.concat([Buffer.from(handshake()), jsonFrame({ type: "ping" })]));
    await eventually(() => peer.frames.length > 0, { what: "the welcome" });
    peer.write(jsonFrame({ type: "dance" }));
    await eventually(() => peer.frames.length > 1, { what: "the answer to what came later" });
    expect(peer.messages().map(({ type }) => type)).toEqual(["welcome", "error"]);
  });
});

function statusOf(head: string): number | undefined {
  return head.includes("\r\n\r\n") ? Number(head.slice(9, 12)) : undefined;
}

describe.each([
  ["fragments", fragments],
  ["control frames", controls],
  ["bits, masks and lengths", framing],
  ["UTF-8", texts],
  ["what the network does", delivery],
])("RFC 6455: %s", (_what, cases) => {
  it.concurrent.each(cases)("$section $name", async ({ sends, gives }) => {
    expect(await play(alone.edge.port, sends)).toEqual(gives);
  });
});

it("no frame of the server is masked, fragmented or has a reserved bit", async () => {
  using peer = await openRaw(alone.edge.port);
  peer.write(Buffer.concat([jsonFrame({ type: "ping" }), jsonFrame({ type: "dance" })]));
  await eventually(() => peer.frames.length === 3, { what: "three frames" });
  for (const { isLast, reserved, isMasked } of peer.frames)
    expect({ isLast, reserved, isMasked }).toEqual({ isLast: true, reserved: 0, isMasked: false });
});

it("none of all this has cost the process its life", () => {
  expect([alone.edge.isRunning(), alone.edge.pid]).toEqual([true, pid]);
});
