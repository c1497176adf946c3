import { sleep } from "@parley/runtime";
import { eventually, startSystem, type Service, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { devToken } from "../e2e/person.ts";
import { harmOf, startNeighbour, type Figures, type Neighbour } from "./neighbour/neighbour.ts";
import { textFrame } from "./wire/frame-bytes.ts";
import { handshake, openRaw } from "./wire/handshake.ts";
import { connectRaw, type RawPeer } from "./wire/raw-peer.ts";

let system: System;
let edge: Service;
let neighbour: Neighbour;
let calm: Figures[];

const windowPings = 40;

beforeAll(async () => {
  system = await startSystem({ env: { "model-simulator": { SIM_TOKENS_PER_SECOND: "400" } } });
  const [only] = system.edges;
  if (only === undefined) throw new Error("there is no edge");
  edge = only;
  neighbour = await startNeighbour(edge.port, await devToken(edge, "neighbour"));
  calm = [];
  for (let count = 0; count < 3; count++) calm.push(await neighbour.figures(windowPings));
});
afterAll(async () => {
  await neighbour[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const atATime = 150;
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

async function slowHead(): Promise<number> {
  using peer = await connectRaw(edge.port);
  return await trickle(peer, Buffer.from(handshake()));
}

async function slowBody(): Promise<number> {
  using peer = await connectRaw(edge.port);
  peer.write(
    "POST /api/v1/chat HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n",
  );
  return await trickle(peer, Buffer.alloc(200, "{"));
}

async function slowFrame(): Promise<number> {
  using peer = await openRaw(edge.port);
  return await trickle(peer, textFrame('{"type":"ping"}'.padEnd(100)));
}

async function silence(): Promise<number> {
  using peer = await connectRaw(edge.port);
  return await trickle(peer, Buffer.alloc(0));
}

/** More lines than uWebSockets.js reads, in fewer bytes than make it say so: see docs/operations.md. */
async function manyShortLines(): Promise<number> {
  using peer = await connectRaw(edge.port);
  const lines = Array.from({ length: 120 }, (_, at) => `x${at}: v`);
  peer.write(["GET /health HTTP/1.1", "Host: edge", "Connection: close", ...lines, "", ""].join("\r\n"));
  return await trickle(peer, Buffer.alloc(0));
}

it.each([
  ["heads byte by byte", slowHead, 20_000],
  ["bodies byte by byte", slowBody, 20_000],
  ["frames byte by byte, without a token", slowFrame, 12_000],
  ["nothing at all", silence, 20_000],
  ["more header lines than are read", manyShortLines, 20_000],
])(
  `${atATime} connections that send %s are ended in time, and cost a neighbour nothing`,
  async (_what, attack, withinMs) => {
    const busy: Figures[] = [];
    let hasEnded = false;
    const attacking = Promise.all(Array.from({ length: atATime }, attack)).finally(() => {
      hasEnded = true;
    });
    while (!hasEnded) busy.push(await neighbour.figures(windowPings));
    const times = await attacking;
    expect(Math.max(...times)).toBeLessThan(withinMs);
    expect(neighbour.faults).toEqual([]);
    expect(harmOf(calm, busy), JSON.stringify({ calm, busy })).toMatchObject({ isHarmed: false });
    await eventually(async () => (await socketsOf(edge)) === 1, { what: "the neighbour's socket alone" });
  },
);

async function socketsOf({ adminPort }: Service): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^parley_edge_sockets\{[^}]*\} (\d+)$/m.exec(text)?.[1]);
}
