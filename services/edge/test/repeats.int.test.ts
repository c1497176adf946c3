import { openBus } from "@parley/bus";
import { streams, subjects, type FactOf } from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { saidFactOf, turnRequestOf } from "../src/commands/turn-request.ts";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;
let client: TestClient;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge(), await world.addEdge()];
  client = await world.connect(edge);
});
afterAll(() => world[Symbol.asyncDispose]());

const request = (subject: string, payload: object = {}) => world.bus.nc.request(subject, JSON.stringify(payload));

/** As if a day had passed: neither the queue nor the log of events knows anything of the conversation. */
async function passADay(conversation: string): Promise<void> {
  await request(`$JS.API.STREAM.PURGE.${streams.events(0)}`, { filter: subjects.eventsOf(0, conversation) });
  const { config } = JSON.parse((await request(`$JS.API.STREAM.INFO.${streams.turns}`)).string());
  const withWindow = (ms: number) =>
    request(`$JS.API.STREAM.UPDATE.${streams.turns}`, { ...config, duplicate_window: ms * 1e6 });
  await withWindow(100);
  const probe = { subject: subjects.turns("c_probe"), data: new TextEncoder().encode("{}"), msgId: "probe" };
  await eventually(
    async () => {
      const again = await world.bus.events.append(probe);
      return again.kind === "stored" && !again.duplicate && again.seq > 1;
    },
    { what: "a forgotten id" },
  );
  await request(`$JS.API.STREAM.PURGE.${streams.turns}`, { filter: probe.subject });
  await withWindow(config.duplicate_window / 1e6);
}

async function begin(id: string) {
  client.send({ type: "message", id, message: "the first text" });
  const accepted = await client.next("accepted");
  return { ...accepted, turn: world.worker.take(accepted.conversation_id, accepted.turn_id) };
}

const saidIn = (conversation: string, turn: string) => world.bus.facts.read("said", { conversation, turn });

describe("P5: a message that comes again after a day", () => {
  it("is the same turn, is told its end, and never gets into the queue", async () => {
    const { conversation_id, turn_id, turn } = await begin("ended");
    await turn.complete("said long ago");
    await passADay(conversation_id);
    const before = JSON.parse((await request(`$JS.API.STREAM.INFO.${streams.turns}`)).string()).state.last_seq;
    const again = await world.connect(other);
    again.send({ type: "message", id: "ended", message: "the first text", conversation_id });
    expect(await again.next("accepted")).toMatchObject({ turn_id });
    const { messages } = await again.next("snapshot");
    expect(messages?.at(-1)).toMatchObject({ turn_id, message: "said long ago", status: "complete" });
    const after = JSON.parse((await request(`$JS.API.STREAM.INFO.${streams.turns}`)).string()).state.last_seq;
    expect(after).toBe(before);
  });

  it("is the same turn over HTTP", async () => {
    const { conversation_id, turn_id, turn } = await begin("over http");
    await turn.complete("said long ago");
    await passADay(conversation_id);
    const headers = { "idempotency-key": "over http" };
    const answer = await ask(other, "POST", "/api/v1/chat", {
      headers,
      body: { message: "the first text", conversation_id },
    });
    expect([answer.status, answer.body.turn_id, answer.body.response]).toEqual([200, turn_id, "said long ago"]);
  });

  it("is refused with another text", async () => {
    const { conversation_id, turn } = await begin("other text");
    await turn.complete("done");
    await passADay(conversation_id);
    const again = await world.connect(other);
    again.send({ type: "message", id: "other text", message: "another text", conversation_id });
    expect(await again.next("error")).toMatchObject({ code: "CONFLICT", retryable: false });
    expect(await world.bus.turns.waiting(conversation_id)).toEqual([]);
  });

  it("is the turn that still waits", async () => {
    const { conversation_id, turn_id } = await begin("waits");
    await passADay(conversation_id);
    const again = await world.connect(other);
    again.send({ type: "message", id: "waits", message: "the first text", conversation_id });
    expect(await again.next("accepted")).toMatchObject({ turn_id, position: 0 });
    expect(await world.bus.turns.waiting(conversation_id)).toHaveLength(1);
  });
});

describe("P1, P5: a message whose edge died", () => {
  const noted = async (id: string, conversation: string): Promise<FactOf<"said">> => {
    const turn = turnIdOf("ann", conversation, id);
    const frame = { type: "message", id, message: "hello", on_busy: "enqueue" } as const;
    const place = { caller: { user: { id: "ann" }, roles: [] }, conversation, turn, trace: undefined, isExempt: false };
    const fact = saidFactOf(turnRequestOf(frame, place));
    await world.bus.facts.write(fact);
    return fact;
  };

  it("after it was noted and before it was queued is queued when it comes again", async () => {
    await world.bus.owners.claim("c_noted", "ann");
    const { turn_id } = await noted("half", "c_noted");
    const again = await world.connect(other);
    again.send({ type: "message", id: "half", message: "hello", conversation_id: "c_noted" });
    expect(await again.next("accepted")).toMatchObject({ turn_id, position: 0 });
    expect((await world.bus.turns.waiting("c_noted")).map(({ request: { id } }) => id)).toEqual(["half"]);
    await world.worker.take("c_noted", turn_id).complete("done");
    await again.next("complete");
  });

  it("when it comes again by two edges at once is one turn", async () => {
    await world.bus.owners.claim("c_twice", "ann");
    await noted("twice", "c_twice");
    const clients = [await world.connect(edge), await world.connect(other)];
    for (const one of clients) one.send({ type: "message", id: "twice", message: "hello", conversation_id: "c_twice" });
    for (const one of clients) await one.next("accepted");
    expect(await world.bus.turns.waiting("c_twice")).toHaveLength(1);
  });

  it("was refused because others ran is accepted when it comes again", async () => {
    const { conversation_id, turn } = await begin("runs");
    const asked = { type: "message", id: "wants", message: "hello", conversation_id, on_busy: "reject" };
    client.send(asked);
    expect(await client.next("error")).toMatchObject({ code: "CONVERSATION_BUSY", id: "wants" });
    await turn.complete("done");
    client.send(asked);
    expect(await client.next("accepted")).toMatchObject({ id: "wants", position: 0 });
  });
});

it("is noted before anything else is known of it, once for each message", async () => {
  const { conversation_id, turn_id } = await begin("noted");
  expect(await saidIn(conversation_id, turn_id)).toMatchObject({
    ...{ id: "noted", message_id: `${turn_id}-u`, message: "the first text", author: { role: "user", id: "ann" } },
  });
});

describe("P6: a request to cancel", () => {
  it("is a fact as well as an event, also one that interrupts", async () => {
    const { conversation_id, turn_id } = await begin("cancelled");
    client.send({ type: "cancel", conversation_id });
    const read = () => world.bus.facts.read("cancel", { conversation: conversation_id, turn: turn_id });
    await eventually(async () => (await read()) !== undefined, { what: "the fact" });
    expect(await read()).toMatchObject({ by: "ann", reason: "cancelled by user" });
    const interrupted = await begin("interrupted");
    client.send({
      type: "message",
      id: "next",
      message: "x",
      conversation_id: interrupted.conversation_id,
      on_busy: "interrupt",
    });
    await client.next("accepted");
    const { conversation_id: conversation, turn_id: turn } = interrupted;
    expect(await world.bus.facts.read("cancel", { conversation, turn })).toMatchObject({ reason: "interrupted" });
  });

  it("whose edge died behind the fact is told when it is made again", async () => {
    const { conversation_id, turn_id } = await begin("asked twice");
    const common = { v: 1, conversation_id, turn_id, ts: 1, by: "ann", reason: "cancelled by user" };
    await world.bus.facts.write({ kind: "cancel", ...common });
    client.send({ type: "cancel", conversation_id });
    const told = () => world.bus.events.last(subjects.control(0, conversation_id, turn_id));
    await eventually(async () => (await told()) !== undefined, { what: "the event" });
  });
});

it("P7: with no room for facts new messages are refused with a sentence, nothing is queued, and a cancel still stops what runs", async () => {
  await using full = await createWorld();
  const small = await openBus({ servers: full.nats.url, name: "small", log });
  const at = await full.addEdge();
  const ann = await full.connect(at);
  ann.send({ type: "message", id: "runs", message: "hello" });
  const running = await ann.next("accepted");
  const { config } = JSON.parse((await small.nc.request(`$JS.API.STREAM.INFO.${streams.facts(0)}`)).string());
  const bounded = JSON.stringify({ ...config, max_bytes: 1_500 });
  await small.nc.request(`$JS.API.STREAM.UPDATE.${streams.facts(0)}`, bounded);
  const call = { tool_name: "x", arguments: {}, status: "completed", result: "y".repeat(900), duration_ms: 1 };
  const common = { v: 1, conversation_id: "filler", turn_id: "t", ts: 1, call_id: "t-0-0" };
  await small.facts.write({ kind: "result", ...common, ...call });
  const { conversation_id, turn_id } = running;
  const refused = await eventually(
    async () => {
      ann.send({ type: "message", id: `n${ann.frames.length}`, message: "hello", conversation_id });
      // What waits is told as well.
      const newest = () => ann.frames.findLast(({ type }) => type !== "queue");
      await eventually(() => newest()?.type === "error" || newest()?.type === "message", { what: "an answer" });
      const last = newest();
      return last?.type === "error" ? last : undefined;
    },
    { what: "a refusal", intervalMs: 300, timeoutMs: 8_000 },
  );
  expect(refused).toMatchObject({
    ...{ code: "OVERLOADED", retryable: true },
    error: "The service cannot accept anything new at the moment: its memory of decisions is full.",
  });
  const queued = (await full.bus.turns.waiting(conversation_id)).length;
  ann.send({ type: "cancel", conversation_id, turn_id });
  const told = () => full.bus.events.last(subjects.control(0, conversation_id, turn_id));
  await eventually(async () => (await told()) !== undefined, { what: "the request to cancel" });
  expect(await full.bus.turns.waiting(conversation_id)).toHaveLength(queued);
  expect(at.problems()).toEqual([]);
  await small.close();
});
