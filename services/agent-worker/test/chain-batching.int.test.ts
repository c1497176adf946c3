import { setImmediate } from "node:timers/promises";
import { limits, subjects } from "@parley/protocol";
import { signedIn, startNats } from "@parley/testkit";
import { EventTooLargeError, openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createChain } from "../src/chain.ts";
import type { FencedError } from "../src/fenced-append.ts";
import { createTurnFold } from "../src/turn-fold.ts";
import { decodeJson, StoredEvent } from "@parley/protocol";

async function openChain(id: string) {
  const nats = await startNats();
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  const bus = await openBus({ servers: signedIn(nats.url, "agent"), name: "test", log });
  const chainOf = (turnId: string, fenced: (error: FencedError) => void = () => {}, tooLarge: () => void = () => {}) =>
    createChain({
      events: bus.events,
      subject: subjects.agent(0, id, turnId),
      conversationId: id,
      turnId,
      attempt: 1,
      fold: createTurnFold(),
      flushMs: () => 5,
      giveUpMs: 2_000,
      onFenced: fenced,
      onTooLarge: tooLarge,
    });
  const stored = async (turnId: string): Promise<StoredEvent[]> =>
    (await bus.events.read(id, { fromSeq: 1 }))
      .map(({ data }) => decodeJson(StoredEvent, data))
      .filter((e) => e.turn_id === turnId);
  return {
    chainOf,
    stored,
    async [Symbol.asyncDispose]() {
      await bus.close();
      await nats[Symbol.asyncDispose]();
    },
  };
}

it("joins text that comes while an append is on its way, and loses none of it", async () => {
  await using bench = await openChain("c1");
  let turns = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 60 }), async (tokens) => {
      const turnId = `t${turns++}`;
      const chain = bench.chainOf(turnId);
      for (const token of tokens) {
        chain.text(token);
        if (token.length > 7) await Promise.resolve();
      }
      await chain.stored();
      const events = await bench.stored(turnId);
      expect(events.map((event) => (event.type === "token" ? event.token : "")).join("")).toBe(tokens.join(""));
      expect(events.length).toBeLessThanOrEqual(tokens.length);
    }),
    { numRuns: 30 },
  );
});

it("writes the first text at once and what follows in batches", async () => {
  await using bench = await openChain("c1");
  const chain = bench.chainOf("t1");
  chain.text("w0 ");
  await setImmediate();
  for (let i = 1; i < 100; i++) chain.text(`w${i} `);
  await chain.stored();
  expect(await bench.stored("t1")).toMatchObject([{ token: "w0 " }, { n: 2 }]);
});

it("keeps events in the order in which they were pushed", async () => {
  await using bench = await openChain("c1");
  const chain = bench.chainOf("t1");
  chain.push({ type: "thinking", message: "…" });
  chain.text("one ");
  chain.push({ type: "turn_restarted", text: "" });
  chain.text("two");
  await chain.stored();
  const types = (await bench.stored("t1")).map(({ type }) => type);
  expect(types).toEqual(["thinking", "token", "turn_restarted", "token"]);
});

it("drops a restart with the text in its place or keeps both, so that text that was shown is replaced by text", async () => {
  await using bench = await openChain("c1");
  const chain = bench.chainOf("t1");
  chain.text("one");
  await chain.stored();
  chain.push({ type: "thinking", message: "…" });
  chain.push({ type: "turn_restarted", text: "" });
  chain.text("two");
  chain.dropQueuedText();
  await chain.stored();
  // This one is on its way at once.
  chain.push({ type: "turn_restarted", text: "" });
  chain.text("three");
  chain.dropQueuedText();
  await chain.stored();
  expect((await bench.stored("t1")).map((event) => ("token" in event ? event.token : event.type))).toEqual([
    "one",
    "thinking",
    "turn_restarted",
    "three",
  ]);
});

it("tells a step once that has found something before it was told", async () => {
  await using bench = await openChain("c1");
  const chain = bench.chainOf("t1");
  chain.push({ type: "thinking", message: "…" });
  chain.push({ type: "progress", step: "agent_routing", message: "Choosing" });
  chain.push({ type: "progress", step: "agent_routing", message: "Chosen", agent: "kubernetes" });
  chain.push({ type: "progress", step: "generating", message: "Generating" });
  await chain.stored();
  chain.push({ type: "progress", step: "generating", message: "Generating again" });
  await chain.stored();
  const told = (await bench.stored("t1")).map((event) => (event.type === "progress" ? event.message : event.type));
  expect(told).toEqual(["thinking", "Chosen", "Generating", "Generating again"]);
});

it("lets one of two writers on, and fences the other for good", async () => {
  await using bench = await openChain("c1");
  const fenced: FencedError[] = [];
  const writers = [0, 1].map(() => bench.chainOf("t1", (error) => fenced.push(error)));
  for (const writer of writers) writer.text("mine");
  const results = await Promise.allSettled(writers.map((writer) => writer.stored()));
  expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  for (const writer of writers) writer.text("more");
  await Promise.allSettled(writers.map((writer) => writer.stored()));
  expect(fenced).toHaveLength(1);
  expect((await bench.stored("t1")).length).toBeLessThanOrEqual(2);
});

it("cuts text into events of a bounded size, between characters", async () => {
  await using bench = await openChain("c1");
  const chain = bench.chainOf("t-long");
  const text = "a😀\0".repeat(20_000);
  chain.text(text);
  chain.text("end");
  await chain.stored();
  const tokens = (await bench.stored("t-long")).map((event) => (event.type === "token" ? event.token : ""));
  expect(tokens.join("")).toBe(`${text}end`);
  expect(Math.max(...tokens.map((token) => token.length))).toBeLessThanOrEqual(limits.tokenChars);
  expect(tokens.filter((token) => Buffer.from(token).toString() !== token)).toEqual([]);
});

it("writes nothing after an event that is too large until it is told to go on, and then without a hole", async () => {
  await using bench = await openChain("c1");
  let told = 0;
  const chain = bench.chainOf(
    "t-large",
    () => {},
    () => void told++,
  );
  chain.text("before");
  chain.push({ type: "thinking", message: "x".repeat(limits.eventBytes) });
  chain.text("behind the hole");
  await expect(chain.stored()).rejects.toThrow(EventTooLargeError);
  chain.text("still behind it");
  await expect(chain.stored()).rejects.toThrow(EventTooLargeError);
  await chain.resume();
  chain.push({ type: "thinking", message: "after" });
  await chain.stored();
  expect(told).toBe(1);
  expect(await bench.stored("t-large")).toMatchObject([
    { type: "token", token: "before", n: 1 },
    { type: "thinking", message: "after", n: 2 },
  ]);
});
