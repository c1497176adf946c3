import type { SnapshotFrame } from "@parley/protocol";
import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCopyProxy, type CopyProxy } from "./support/copy-proxy.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let proxy: CopyProxy;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  proxy = await startCopyProxy(world.nats);
  // It forgets quickly.
  edge = await world.addEdge({ natsUrl: proxy.url, limits: { ringEvents: 6 } });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

async function lookOn(conversation_id: string, after?: number): Promise<TestClient> {
  const viewer = await world.connect(edge);
  viewer.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  await viewer.next("subscribed");
  return viewer;
}

async function beginTurn(conversation_id: string): Promise<FakeTurn> {
  const client = await world.connect(await world.addEdge());
  client.send({ type: "message", id: "asks", message: "about a tool", conversation_id });
  return world.worker.take(conversation_id, (await client.next("accepted")).turn_id);
}

const words = Array.from({ length: 12 }, (_, i) => `w${i} `);

/** A tool is called, and its result is held back while the text goes on, until the edge has kept nothing from before it. */
async function passOver({ conversation, turn, append, token }: FakeTurn, viewer: TestClient) {
  const common = { conversation_id: conversation, turn_id: turn, ts: 1 };
  const call = { call_id: "k", tool_name: "look", arguments: {} };
  const result = proxy.hold(conversation, '"type":"tool_call_end"');
  await append({ type: "tool_call_start", ...common, attempt: 1, n: 9, ...call });
  const outcome = { status: "completed" as const, result: "found", duration_ms: 5 };
  await append({ type: "tool_call_end", ...common, ...call, ...outcome }, "tool.k");
  await result.arrived();
  for (const word of words) {
    await token(word);
    await viewer.next("token");
  }
  return result;
}

function hasAll(viewer: TestClient, { conversation, turn }: FakeTurn): Promise<unknown> {
  const has = (): boolean => {
    const { tool_calls = [], text } = shownTurn(viewer.view(conversation), turn) ?? {};
    return text === words.join("") && tool_calls[0]?.status === "completed";
  };
  return eventually(has, { what: "all of it", timeoutMs: 2_000 });
}

function snapshotsOf({ frames }: TestClient): SnapshotFrame[] {
  return frames.filter((frame) => frame.type === "snapshot");
}

const whole = { text: words.join(""), tool_calls: [{ call_id: "k", status: "completed" }] };

describe("a result that comes when its edge has kept nothing from before it", () => {
  it("is in all that somebody gets who has just come", async () => {
    const turn = await beginTurn("c_comes");
    const viewer = await lookOn("c_comes");
    await viewer.next("snapshot");
    const result = await passOver(turn, viewer);
    const newcomer = await lookOn("c_comes");
    for (const one of [newcomer, viewer]) await hasAll(one, turn);
    expect(snapshotsOf(newcomer)).toMatchObject([whole]);
    result.pass();
  });

  it("is in what somebody gets who comes back", async () => {
    const turn = await beginTurn("c_back");
    const [viewer, left] = [await lookOn("c_back"), await lookOn("c_back")];
    await viewer.next("snapshot");
    const { seq } = await left.next("snapshot");
    left.terminate();
    const result = await passOver(turn, viewer);
    const back = await lookOn("c_back", seq);
    for (const one of [back, viewer]) await hasAll(one, turn);
    expect(snapshotsOf(back)).toMatchObject([whole]);
    result.pass();
  });
});
