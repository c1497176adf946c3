import type { SnapshotFrame } from "@parley/protocol";
import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCopyProxy, type CopyProxy } from "./support/copy-proxy.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import type { TestClient } from "./support/test-client.ts";

/** A part of the stream is read again, because something is seen to be missing, while copies of others are behind. */

let world: World;
let proxy: CopyProxy;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  proxy = await startCopyProxy(world.nats);
  edge = await world.addEdge({ natsUrl: proxy.url });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

/** Somebody who asks at another edge, whose copies are prompt. */
async function createAsker(conversation_id: string) {
  const client = await world.connect(await world.addEdge());
  await world.bus.owners.claim(conversation_id, "ann");
  return async (id: string): Promise<FakeTurn> => {
    client.send({ type: "message", id, message: `about ${id}`, conversation_id });
    const { turn_id } = await client.next("accepted");
    return world.worker.take(conversation_id, turn_id);
  };
}

async function lookOn(conversation_id: string): Promise<TestClient> {
  const viewer = await world.connect(edge);
  viewer.send({ type: "subscribe", conversation_id });
  await viewer.next("subscribed");
  return viewer;
}

function hasText(viewer: TestClient, { conversation, turn }: FakeTurn, text: string): Promise<unknown> {
  return eventually(() => shownTurn(viewer.view(conversation), turn)?.text === text, { what: text });
}

function askedIn({ messages = [] }: SnapshotFrame): string[] {
  return messages.flatMap(({ author, message }) => (author.role === "user" ? message : []));
}

async function callTool({ conversation, turn, append }: FakeTurn): Promise<void> {
  const common = { conversation_id: conversation, turn_id: turn, ts: 1 };
  const call = { call_id: "k", tool_name: "look", arguments: {} };
  await append({ type: "tool_call_start", ...common, attempt: 1, n: 9, ...call });
  const outcome = { status: "completed" as const, result: "found", duration_ms: 5 };
  await append({ type: "tool_call_end", ...common, ...call, ...outcome }, "tool.k");
}

describe("a snapshot after the end of an answer was looked for", () => {
  it("has a tool's result whose copy is behind, though that was stored before what was missing", async () => {
    const ask = await createAsker("c_result");
    const viewer = await lookOn("c_result");
    const first = await ask("first");
    await first.token("before ");
    await hasText(viewer, first, "before ");
    const result = proxy.hold("c_result", '"type":"tool_call_end"');
    await callTool(first);
    await first.token("after ");
    const message = proxy.hold("c_result", '"message":"about second"');
    const second = await ask("second");
    await first.token("that");
    await hasText(viewer, first, "before after that");
    // As an agent worker stores its `ending` before each end.
    await world.worker.take("c_elsewhere", "t").token("room");
    const end = proxy.hold("c_result", '"type":"complete"');
    await first.complete("before after that");
    for (const held of [result, message, end]) await held.arrived();
    // The edge has neither the message nor the end before it, and reads.
    await second.token("two");
    const snapshot = await viewer.next("snapshot");
    expect(snapshot).toMatchObject({ turn_id: first.turn, text: "before after that" });
    expect(snapshot.tool_calls).toMatchObject([{ call_id: "k", status: "completed" }]);
    await viewer.next("complete");
    await hasText(viewer, second, "two");
    for (const held of [result, message, end]) held.pass();
    await second.complete("two");
    await viewer.next("complete");
  });

  it("has a message that waits and whose copy is behind", async () => {
    const ask = await createAsker("c_waits");
    const viewer = await lookOn("c_waits");
    const first = await ask("first");
    const second = await ask("second");
    const message = proxy.hold("c_waits", '"message":"about third"');
    await ask("third");
    await first.token("one");
    await hasText(viewer, first, "one");
    const end = proxy.hold("c_waits", '"type":"complete"');
    await first.complete("one");
    for (const held of [message, end]) await held.arrived();
    await second.token("two");
    await hasText(viewer, second, "two");
    const newcomer = await lookOn("c_waits");
    expect(askedIn(await newcomer.next("snapshot"))).toEqual(["about first", "about second", "about third"]);
    for (const held of [message, end]) held.pass();
  });
});

describe("a snapshot after a hole was filled", () => {
  it("has a message that waits and whose copy is behind", async () => {
    const ask = await createAsker("c_hole");
    const viewer = await lookOn("c_hole");
    const first = await ask("first");
    await first.token("one ");
    await hasText(viewer, first, "one ");
    const message = proxy.hold("c_hole", '"message":"about second"');
    await ask("second");
    await message.arrived();
    await first.token("two ");
    proxy.lose("c_hole", "three");
    for (const text of ["three ", "four"]) await first.token(text);
    await hasText(viewer, first, "one two three four");
    const newcomer = await lookOn("c_hole");
    expect(askedIn(await newcomer.next("snapshot"))).toEqual(["about first", "about second"]);
    message.pass();
  });
});
