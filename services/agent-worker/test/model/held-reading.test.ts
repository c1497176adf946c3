import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { createHeldReadings } from "../../src/model/held-reading.ts";
import { createHttpExchange } from "../../src/model/http-exchange.ts";
import { chunk, never, question, sendStream, startProvider, writeChunks } from "./fake-provider.ts";

/** Longer than any of these tests takes. */
const longMs = 60_000;

/** Each leaves by itself. */
async function writeApart(res: ServerResponse, words: readonly string[]): Promise<void> {
  for (const content of words) {
    await new Promise((written) => res.write(`data: ${JSON.stringify(chunk({ content }))}\n\n`, written));
    await setImmediate();
  }
}

const words = Array.from({ length: 20 }, (_, i) => `w${i} `);

/** How an answer comes whose words leave one by one once the first has been read. */
async function batchesOf(holdMs: number): Promise<string[]> {
  const begun = new AbortController();
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "first " }));
    begun.signal.addEventListener("abort", () => {
      void writeApart(res, words).then(() => sendStream(res, chunk({}, "stop")));
    });
  });
  const batches: string[] = [];
  await provider.client({ holdMs: () => holdMs }).stream(question, never(), (events) => {
    batches.push(events.map((event) => (event.type === "text" ? event.text : "")).join(""));
    begun.abort();
  });
  return batches;
}

it("what a model says while reading is held is read at once", async () => {
  const batches = await batchesOf(300);
  expect(batches.join("")).toBe(`first ${words.join("")}`);
  expect(batches.slice(0, 2)).toEqual(["first ", words.join("")]);
});

it("an answer that is not held comes in the pieces in which it was sent", async () => {
  const batches = await batchesOf(0);
  expect(batches.join("")).toBe(`first ${words.join("")}`);
  expect(batches.length).toBeGreaterThan(3);
});

it("what comes before the first text is not held", async () => {
  const begun = new AbortController();
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ reasoning_content: "first I think" }));
    begun.signal.addEventListener("abort", () => sendStream(res, chunk({ content: "said" }), chunk({}, "stop")));
  });
  const said: string[] = [];
  await provider.client({ holdMs: () => longMs }).stream(question, never(), (events) => {
    begun.abort();
    for (const event of events) said.push(event.type);
  });
  expect(said).toEqual(["reasoning", "text", "end"]);
});

it("streams are read on at common times, so that they share what that costs", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"], now: 0 });
  try {
    const held = createHeldReadings();
    const startedAt = performance.now();
    const times: number[] = [];
    const hold = (ms: number): void => {
      const socket = new Socket();
      const readStart = (): void => void times.push(performance.now() - startedAt);
      // As Node reads a connection.
      Object.assign(socket, { _handle: { readStart, readStop() {} } });
      held(socket).hold(ms);
    };
    for (const ms of [21, 22, 23]) {
      hold(ms);
      vi.advanceTimersByTime(2);
    }
    hold(34);
    vi.advanceTimersByTime(100);
    expect(times).toEqual([30, 30, 30, 40]);
  } finally {
    vi.useRealTimers();
  }
});

it("a cancelled request is closed at once although its reading is held", async () => {
  await using provider = await startProvider((res) => writeChunks(res, chunk({ content: "first " })));
  const stop = new AbortController();
  const answer = provider.client({ holdMs: () => longMs }).stream(question, stop.signal, () => stop.abort());
  await expect(answer).rejects.toThrow();
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
});

it("a connection whose reading was held serves the next request, and sees that the other side closes it", async () => {
  const ports = new Set<number | undefined>();
  const server = createServer((request, response) => {
    ports.add(request.socket.remotePort);
    response.write("beginning");
    response.end("end");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const exchange = createHttpExchange();
  for (let i = 0; i < 2; i++) {
    const url = new URL(`http://127.0.0.1:${address.port}`);
    const reply = await exchange.post(url, { headers: {}, body: "" }, never());
    reply.hold(longMs);
    reply.release();
    await once(reply.body, "end");
  }
  expect(ports.size).toBe(1);
  server.closeIdleConnections();
  await new Promise((done) => server.close(done));
});
