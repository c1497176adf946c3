import { sleep } from "@parley/runtime";
import { eventually, startTcpProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { beginTus, fileRequest, hashOf, headTus, patchTus, picture, jsonOf } from "./support/file-client.ts";

let world: World;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  other = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Sends bytes a piece at a time. */
function slowly(bytes: Buffer, pieceBytes: number, everyMs: number): ReadableStream {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await sleep(everyMs);
      controller.enqueue(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
      at += pieceBytes;
      if (at >= bytes.length) controller.close();
    },
  });
}

describe("an upload", () => {
  it("goes on when the broker is back after 5 s, in the same request", async () => {
    const proxy = await startTcpProxy({ targets: [Number(new URL(world.nats.url).port)] });
    const edge = await world.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}` });
    const bytes = picture(6_000_000);
    const location = (await beginTus(edge, bytes.length)).headers.get("location") ?? "";
    const headers = { "content-length": String(bytes.length) };
    const sent = patchTus(edge, location, 0, slowly(bytes, 200_000, 30), { headers });
    const hasBegun = async (): Promise<boolean> =>
      Number((await headTus(other, location)).headers.get("upload-offset")) > 1_000_000;
    await eventually(hasBegun, { what: "a stored part" });
    proxy.sever();
    await sleep(5_000);
    proxy.heal();
    const answer = await sent;
    expect([answer.status, answer.headers.get("upload-offset")]).toEqual([204, String(bytes.length)]);
    const read = await fileRequest(other, "GET", location);
    expect(hashOf(new Uint8Array(await read.arrayBuffer()))).toBe(hashOf(bytes));
    await edge.stop();
    await proxy[Symbol.asyncDispose]();
  }, 40_000);

  it("of a slow client takes its time, and what it sent is kept when it goes", async () => {
    const bytes = picture(300_000);
    const location = (await beginTus(other, bytes.length)).headers.get("location") ?? "";
    const leaving = new AbortController();
    const sent = patchTus(other, location, 0, slowly(bytes, 20_000, 100), { signal: leaving.signal });
    await sleep(700);
    leaving.abort();
    await sent.catch(() => {});
    const offset = async (): Promise<number> => Number((await headTus(other, location)).headers.get("upload-offset"));
    await eventually(async () => (await offset()) > 0, { what: "what was sent" });
    const at = await offset();
    expect(at % 20_000).toBe(0);
    expect((await patchTus(other, location, at, new Uint8Array(bytes.subarray(at)))).status).toBe(204);
    expect((await jsonOf(await fileRequest(other, "GET", `${location}/info`))).sha256).toBe(hashOf(bytes));
  });

  it("by a bad connection comes to its end, and one that brings nothing more is told so, with what it sent kept", async () => {
    const bytes = picture(45_000);
    const begun = async (): Promise<string> => (await beginTus(other, bytes.length)).headers.get("location") ?? "";
    const [bad, silent] = [await begun(), await begun()];
    const silence = new ReadableStream({ start: (to) => to.enqueue(new Uint8Array(bytes.subarray(0, 20_000))) });
    const headers = { "content-length": String(bytes.length) };
    const [came, left] = await Promise.all([
      patchTus(other, bad, 0, slowly(bytes, 1_500, 500), { headers }),
      patchTus(other, silent, 0, silence, { headers }),
    ]);
    expect(came.status).toBe(204);
    expect([left.status, await jsonOf(left)]).toMatchObject([408, { code: "OVERLOADED", retryable: true }]);
    expect((await headTus(other, silent)).headers.get("upload-offset")).toBe("20000");
    expect((await patchTus(other, silent, 20_000, new Uint8Array(bytes.subarray(20_000)))).status).toBe(204);
    for (const at of [bad, silent])
      expect((await jsonOf(await fileRequest(other, "GET", `${at}/info`))).sha256).toBe(hashOf(bytes));
  }, 60_000);
});
