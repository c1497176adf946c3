import { sleep } from "@parley/runtime";
import { textFrame } from "./wire/frame-bytes.ts";
import { handshake, openRaw } from "./wire/handshake.ts";
import { connectRaw, type RawPeer } from "./wire/raw-peer.ts";

const byteEveryMs = 400;

/** Sends byte by byte until the other side has had enough of it, and says when that was. */
async function trickle(peer: RawPeer, bytes: Uint8Array): Promise<number> {
  const since = performance.now();
  for (const byte of bytes) {
    if (peer.hasEnded()) break;
    peer.write(Buffer.from([byte]));
    await sleep(byteEveryMs);
  }
  await peer.ended;
  return performance.now() - since;
}

async function slowHead(port: number): Promise<number> {
  using peer = await connectRaw(port);
  const [first, ...lines] = handshake().split("\r\n");
  // The registry's build of uWebSockets.js refuses a first line that comes in pieces.
  peer.write(`${first}\r\n`);
  return await trickle(peer, Buffer.from(lines.join("\r\n")));
}

async function slowBody(port: number): Promise<number> {
  using peer = await connectRaw(port);
  peer.write(
    "POST /api/v1/chat HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n",
  );
  return await trickle(peer, Buffer.alloc(200, "{"));
}

async function slowFrame(port: number): Promise<number> {
  using peer = await openRaw(port);
  return await trickle(peer, textFrame('{"type":"ping"}'.padEnd(100)));
}

async function silence(port: number): Promise<number> {
  using peer = await connectRaw(port);
  return await trickle(peer, Buffer.alloc(0));
}

/** More lines than uWebSockets.js reads, in fewer bytes than make it say so: see docs/operations.md. */
async function manyShortLines(port: number): Promise<number> {
  using peer = await connectRaw(port);
  const lines = Array.from({ length: 120 }, (_, at) => `x${at}: v`);
  peer.write(["GET /health HTTP/1.1", "Host: edge", "Connection: close", ...lines, "", ""].join("\r\n"));
  return await trickle(peer, Buffer.alloc(0));
}

/** Ways to hold a connection with next to nothing, and when the edge has had enough of each. Each says how long it was held. */
export const slowSenders = [
  { what: "heads byte by byte", attack: slowHead, withinMs: 20_000 },
  { what: "bodies byte by byte", attack: slowBody, withinMs: 20_000 },
  { what: "frames byte by byte, without a token", attack: slowFrame, withinMs: 12_000 },
  { what: "nothing at all", attack: silence, withinMs: 20_000 },
  { what: "more header lines than are read", attack: manyShortLines, withinMs: 20_000 },
] as const;
