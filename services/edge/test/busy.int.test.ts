import { subjects } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let client: TestClient;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  client = await world.connect(edge);
});
afterAll(() => world[Symbol.asyncDispose]());

async function say(id: string, more: object = {}) {
  client.send({ type: "message", id, message: id, ...more });
  return client.next("accepted");
}

async function controlOf(conversation: string, turn: string) {
  return (await world.bus.events.last(subjects.control(0, conversation, turn)))?.event;
}

describe("a message to a busy conversation", () => {
  it("waits its turn, and says how many run before it", async () => {
    const first = await say("q1");
    const { conversation_id } = first;
    expect(await say("q2", { conversation_id })).toMatchObject({ position: 1 });
    expect(await say("q3", { conversation_id })).toMatchObject({ position: 2 });
    const queued = await world.bus.turns.waiting(conversation_id);
    expect(queued.map(({ request }) => request.message)).toEqual(["q1", "q2", "q3"]);
    await world.worker.take(conversation_id, first.turn_id).complete("done");
    expect(await say("q4", { conversation_id })).toMatchObject({ position: 2 });
  });

  it("is refused when it does not want to wait, and accepted when nothing runs", async () => {
    const { conversation_id, turn_id } = await say("r1", { on_busy: "reject" });
    client.send({ type: "message", id: "r2", message: "r2", conversation_id, on_busy: "reject" });
    expect(await client.next("error")).toMatchObject({ code: "CONVERSATION_BUSY", id: "r2", retryable: true });
    await world.worker.take(conversation_id, turn_id).complete("done");
    expect(await say("r3", { conversation_id, on_busy: "reject" })).toMatchObject({ position: 0 });
  });

  it("that interrupts asks every other turn to stop, and not itself when it is repeated", async () => {
    const running = await say("i1");
    const { conversation_id } = running;
    const waiting = await say("i2", { conversation_id });
    const last = await say("i3", { conversation_id, on_busy: "interrupt" });
    for (const { turn_id } of [running, waiting]) {
      expect(await controlOf(conversation_id, turn_id)).toMatchObject({ reason: "interrupted", by: "ann" });
    }
    const after = await say("i4", { conversation_id });
    expect(await say("i3", { conversation_id, on_busy: "interrupt" })).toMatchObject({ turn_id: last.turn_id });
    expect(await controlOf(conversation_id, last.turn_id)).toBeUndefined();
    expect(await controlOf(conversation_id, after.turn_id)).toBeUndefined();
  });

  it("that interrupts a full queue is accepted when the first that it stopped has left", async () => {
    const first = await say("u0");
    const { conversation_id } = first;
    for (let i = 1; i < 8; i++) await say(`u${i}`, { conversation_id });
    client.send({ type: "message", id: "u8", message: "u8", conversation_id, on_busy: "interrupt" });
    await eventually(() => controlOf(conversation_id, first.turn_id), { what: "the request to stop" });
    await world.worker.take(conversation_id, first.turn_id).complete("done");
    expect(await client.next("accepted")).toMatchObject({ id: "u8", position: 7 });
  });

  it("that interrupts a full queue holds up nothing else of its connection, but what comes behind it", async () => {
    const first = await say("v0");
    const { conversation_id } = first;
    for (let i = 1; i < 8; i++) await say(`v${i}`, { conversation_id });
    client.send({ type: "message", id: "v8", message: "v8", conversation_id, on_busy: "interrupt" });
    await eventually(() => controlOf(conversation_id, first.turn_id), { what: "the request to stop" });
    client.send({ type: "message", id: "v9", message: "v9", conversation_id });
    const askedAt = performance.now();
    client.send({ type: "message", id: "w0", message: "w0" });
    expect(await client.next("accepted")).toMatchObject({ id: "w0", position: 0 });
    client.send({ type: "ping" });
    await client.next("pong");
    // What it stopped leaves the queue after more than that, or never.
    expect(performance.now() - askedAt).toBeLessThan(3_000);
    await world.worker.take(conversation_id, first.turn_id).complete("done");
    expect(await client.next("accepted")).toMatchObject({ id: "v8", position: 7 });
    expect(await client.next("error")).toMatchObject({ code: "QUEUE_FULL", id: "v9" });
  });

  it("is refused when the queue is full", async () => {
    const { conversation_id } = await say("f0");
    for (let i = 1; i < 8; i++) await say(`f${i}`, { conversation_id });
    client.send({ type: "message", id: "f8", message: "f8", conversation_id });
    expect(await client.next("error")).toMatchObject({ code: "QUEUE_FULL", id: "f8", conversation_id });
  });
});

describe("a request to cancel", () => {
  it("reaches the turn that runs, from another device of the user", async () => {
    const { conversation_id, turn_id } = await say("c1");
    await say("c2", { conversation_id });
    const other = await world.connect(edge);
    other.send({ type: "cancel", conversation_id });
    other.send({ type: "ping" });
    await other.next("pong");
    expect(await controlOf(conversation_id, turn_id)).toMatchObject({ by: "ann", reason: "cancelled by user" });
  });

  it("reaches a turn that still waits", async () => {
    const { conversation_id } = await say("w1");
    const waiting = await say("w2", { conversation_id });
    client.send({ type: "cancel", conversation_id, turn_id: waiting.turn_id });
    client.send({ type: "ping" });
    await client.next("pong");
    expect(await controlOf(conversation_id, waiting.turn_id)).toMatchObject({ type: "cancel_requested" });
  });

  it("finds nothing when nothing runs", async () => {
    const { conversation_id, turn_id } = await say("n1");
    await world.worker.take(conversation_id, turn_id).complete("done");
    client.send({ type: "cancel", conversation_id });
    expect(await client.next("error")).toMatchObject({ code: "NOT_FOUND", conversation_id });
    client.send({ type: "cancel", conversation_id, turn_id: "unknown" });
    expect(await client.next("error")).toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a conversation of somebody else", () => {
  it("cannot be written to, watched or cancelled", async () => {
    const { conversation_id } = await say("mine");
    const bob = await world.connect(edge, "bob");
    for (const frame of [
      { type: "message", id: "b1", message: "hello", conversation_id },
      { type: "subscribe", conversation_id },
      { type: "cancel", conversation_id },
    ]) {
      bob.send(frame);
      expect(await bob.next("error")).toMatchObject({ code: "FORBIDDEN", conversation_id });
    }
    expect(await world.bus.turns.waiting(conversation_id)).toHaveLength(1);
  });

  it("is told apart from one that does not exist", async () => {
    client.send({ type: "subscribe", conversation_id: "nobody-s" });
    expect(await client.next("error")).toMatchObject({ code: "NOT_FOUND" });
  });

  it("is never the same turn, whatever the message is called", async () => {
    const bob = await world.connect(edge, "bob");
    bob.send({ type: "message", id: "same", message: "hello" });
    const his = await bob.next("accepted");
    const mine = await say("same");
    expect(his.turn_id).not.toBe(mine.turn_id);
  });
});
