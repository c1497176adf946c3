import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const batch = Array.from({ length: 100 });

/** Writes events that a snapshot does not repeat, until the kernel keeps no more of them for a reader that has stopped. */
async function flood(edge: EdgeUnderTest, { conversation, turn, append }: FakeTurn): Promise<void> {
  const lagged = await metricOf(edge, "parley_edge_lagged_total");
  const common = { conversation_id: conversation, turn_id: turn, ts: 1, call_id: "k" } as const;
  const event = { type: "tool_call_progress", ...common, message: "x".repeat(16 * 1024) } as const;
  const writeMore = async (): Promise<boolean> => {
    await Promise.all(batch.map(() => append(event, "toolp.k")));
    return (await metricOf(edge, "parley_edge_lagged_total")) > lagged;
  };
  await eventually(writeMore, { what: "a lagging socket", timeoutMs: 20_000 });
}

async function watch(edge: EdgeUnderTest, id: string): Promise<{ slow: TestClient; fast: TestClient; turn: FakeTurn }> {
  const [slow, fast] = [await world.connect(edge), await world.connect(edge)];
  slow.send({ type: "message", id, message: id });
  const { conversation_id, turn_id } = await slow.next("accepted");
  await slow.next("message");
  fast.send({ type: "subscribe", conversation_id });
  await fast.next("snapshot");
  return { slow, fast, turn: world.worker.take(conversation_id, turn_id) };
}

describe("a viewer that stops reading", () => {
  it("costs the others nothing, and is caught up with one snapshot when it reads again", async () => {
    const edge = await world.addEdge();
    const { slow, fast, turn } = await watch(edge, "slow");
    await turn.tokens(["the ", "answer "]);
    await slow.next("token");
    await slow.next("token");
    slow.pause();
    await flood(edge, turn);
    await turn.tokens(["goes ", "on "]);
    await turn.token("and on");
    for (let i = 0; i < 5; i++) await fast.next("token");

    slow.resume();
    const snapshot = await slow.next("snapshot");
    expect(snapshot).toMatchObject({ turn_id: turn.turn, text: "the answer goes on and on", status: "running" });
    await turn.token("!");
    expect(await slow.next("token")).toMatchObject({ token: "!" });
    await turn.complete("the answer goes on and on!");
    await Promise.all([slow.next("complete"), fast.next("complete")]);
    expect(slow.frames.filter(({ type }) => type === "snapshot")).toHaveLength(1);
    const expected = { text: "the answer goes on and on!", status: "complete" };
    expect(shownTurn(slow.view(turn.conversation), turn.turn)).toMatchObject(expected);
    expect(shownTurn(fast.view(turn.conversation), turn.turn)).toMatchObject(expected);
  });

  it("is sent away, with a code it can read, when it does not read for long", async () => {
    const edge = await world.addEdge({ limits: { lagMs: 500 } });
    const { slow, turn } = await watch(edge, "too slow");
    slow.pause();
    await flood(edge, turn);
    await eventually(async () => (await metricOf(edge, "parley_edge_sockets")) === 1, { what: "the close" });
    slow.resume();
    expect(await slow.closed).toBe(4002);
  });

  it("is sent away when it goes on asking", async () => {
    const edge = await world.addEdge();
    const { slow, turn } = await watch(edge, "chatty");
    slow.pause();
    await flood(edge, turn);
    for (let i = 0; i < 5_000; i++) slow.send({ type: "ping" });
    await eventually(async () => (await metricOf(edge, "parley_edge_sockets")) === 1, { what: "the close" });
    slow.resume();
    expect(await slow.closed).toBe(4002);
  });

  it("is sent away before others that began to lag later, when all together have too much unsent", async () => {
    const edge = await world.addEdge({ limits: { totalBufferedBytes: 64 * 1024 } });
    const [first, second] = [await watch(edge, "first"), await watch(edge, "second")];
    first.slow.pause();
    await flood(edge, first.turn);
    second.slow.pause();
    await flood(edge, second.turn);
    await eventually(async () => (await metricOf(edge, "parley_edge_sockets")) === 3, { what: "the close" });
    first.slow.resume();
    second.slow.resume();
    expect(await first.slow.closed).toBe(4002);
    second.slow.send({ type: "ping" });
    await second.slow.next("pong");
  });

  it("gets an answer that is larger than what may be unsent", async () => {
    const edge = await world.addEdge();
    const { slow, turn } = await watch(edge, "large");
    slow.pause();
    await flood(edge, turn);
    const parts = Array.from({ length: 16 }, (_, i) => String(i % 10).repeat(16 * 1024));
    await turn.tokens(parts);
    await turn.complete(parts.join(""));
    slow.resume();
    await slow.next("complete");
    expect(shownTurn(slow.view(turn.conversation), turn.turn)?.text).toBe(parts.join(""));
  });
});
