import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
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

const conversation_id = "c_below";

async function lookOn(): Promise<TestClient> {
  const viewer = await world.connect(edge);
  viewer.send({ type: "subscribe", conversation_id });
  await viewer.next("subscribed");
  return viewer;
}

async function beginTurn(): Promise<FakeTurn> {
  const client = await world.connect(await world.addEdge());
  client.send({ type: "message", id: "asks", message: "about a tool", conversation_id });
  return world.worker.take(conversation_id, (await client.next("accepted")).turn_id);
}

it("who comes when an event is found that is older than all that its edge has kept gets all of the conversation", async () => {
  const turn = await beginTurn();
  await turn.token("before ");
  const viewer = await lookOn();
  await viewer.next("snapshot");
  const common = { conversation_id, turn_id: turn.turn, ts: 1 };
  const call = { call_id: "k", tool_name: "look", arguments: {} };
  const result = proxy.hold(conversation_id, '"type":"tool_call_end"');
  await turn.append({ type: "tool_call_start", ...common, attempt: 1, n: 9, ...call });
  const outcome = { status: "completed" as const, result: "found", duration_ms: 5 };
  await turn.append({ type: "tool_call_end", ...common, ...call, ...outcome }, "tool.k");
  await result.arrived();
  const words = Array.from({ length: 12 }, (_, i) => `w${i} `);
  for (const word of words) {
    await turn.token(word);
    await viewer.next("token");
  }

  const newcomer = await lookOn();
  const expected = { text: `before ${words.join("")}`, tool_calls: [{ call_id: "k", status: "completed" }] };
  for (const one of [newcomer, viewer]) {
    const has = (): unknown => {
      const { tool_calls = [], text } = shownTurn(one.view(conversation_id), turn.turn) ?? {};
      return text === expected.text && tool_calls[0]?.status === "completed";
    };
    await eventually(has, { what: "all of it", timeoutMs: 2_000 });
  }
  expect(newcomer.frames.find(({ type }) => type === "snapshot")).toMatchObject(expected);
  result.pass();
});
