import { expect, test } from "vitest";
import type { ModelEvent } from "../../src/model/model.ts";
import {
  chunk,
  collect,
  collectUntilError,
  never,
  question,
  sendStream,
  startProvider,
  writeChunks,
} from "./fake-provider.ts";

const reason = new Error("cancelled by its owner");

test("ends with the signal's reason when aborted in mid-stream", async () => {
  await using provider = await startProvider((res) => writeChunks(res, chunk({ content: "x" })));
  const stop = new AbortController();
  const told: ModelEvent[] = [];
  const running = provider.client().stream(question, stop.signal, (events) => {
    told.push(...events);
    setImmediate(() => stop.abort(reason));
  });
  await expect(running).rejects.toBe(reason);
  expect(told).toHaveLength(1);
});

test("ends with the signal's reason when aborted before the headers", async () => {
  const stop = new AbortController();
  await using provider = await startProvider(() => stop.abort(reason));
  expect(await collectUntilError(provider.client(), question, stop.signal)).toEqual({
    events: [],
    error: reason,
  });
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
});

test("sends no request for a signal that is already aborted", async () => {
  await using provider = await startProvider((res) => sendStream(res, chunk({ content: "x" }, "stop")));
  await expect(collect(provider.client(), question, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(provider.requests).toHaveLength(0);
});

test("gives no event after an abort, although more have arrived", async () => {
  const more = Buffer.from(`data: ${JSON.stringify(chunk({ content: "x" }))}\n\n`);
  await using provider = await startProvider((res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    for (let i = 0; i < 50; i++) res.write(more);
    setImmediate(() => sendStream(res, chunk({ content: "x" }, "stop")));
  });
  const stop = new AbortController();
  let calls = 0;
  const running = provider.client().stream(question, stop.signal, () => {
    calls++;
    stop.abort(reason);
  });
  await expect(running).rejects.toBe(reason);
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
  expect(calls).toBe(1);
});

test("closes the upstream request although the caller is busy with an event", async () => {
  await using provider = await startProvider((res) => writeChunks(res, chunk({ content: "x" })));
  const stop = new AbortController();
  const running = provider.client().stream(question, stop.signal, () => stop.abort(reason));
  await expect(running).rejects.toBe(reason);
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
});

test("ends with what the caller throws, closes the upstream request, and tells nothing more", async () => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }));
    setTimeout(() => writeChunks(res, chunk({ content: "y" })), 20);
  });
  const mine = new Error("no room");
  let calls = 0;
  const running = provider.client().stream(question, never(), () => {
    calls++;
    throw mine;
  });
  await expect(running).rejects.toBe(mine);
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
  expect(calls).toBe(1);
});

test("keeps no listener on the signal of a turn", async () => {
  await using provider = await startProvider((res) => sendStream(res, chunk({ content: "x" }, "stop")));
  const { signal } = new AbortController();
  let open = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => (open++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (open--, remove(...args));
  await collect(provider.client(), question, signal);
  expect(open).toBe(0);
});

test("has the upstream request closed within 250 ms of an abort, 99 times of 100", async () => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }));
    const timer = setInterval(() => writeChunks(res, chunk({ content: "y" })), 10);
    res.on("close", () => clearInterval(timer));
  });
  const client = provider.client();
  const abortedAt: number[] = [];
  const runs = Array.from({ length: 100 }, async (_, run) => {
    const stop = new AbortController();
    await client.stream({ ...question, requestId: `${run}` }, stop.signal, () => {
      if (abortedAt[run] !== undefined) return;
      abortedAt[run] = Infinity;
      setTimeout(() => {
        abortedAt[run] = performance.now();
        stop.abort(reason);
      }, run);
    });
  });
  await Promise.allSettled(runs);
  await expect.poll(() => provider.requests.every((request) => request.closedAt !== undefined)).toBe(true);
  const waitsMs = provider.requests
    .map(({ headers, closedAt = Infinity }) => closedAt - (abortedAt[Number(headers["x-client-request-id"])] ?? 0))
    .toSorted((a, b) => a - b);
  expect(waitsMs).toHaveLength(100);
  expect(waitsMs[98]).toBeLessThanOrEqual(250);
});
