import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createCopyRoute, type CopyRoute } from "./support/late-copies.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let route: CopyRoute;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  route = createCopyRoute();
  edge = await world.addEdge({ lose: route.lose });
});
afterAll(() => world[Symbol.asyncDispose]());

const soon = { timeoutMs: 1_000 };

async function lookOn(conversation_id: string, at: EdgeUnderTest, after?: number): Promise<TestClient> {
  const viewer = await world.connect(at);
  viewer.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  await viewer.next("subscribed");
  return viewer;
}

/** A viewer, and a turn whose message reaches its edge only when the test says so. */
async function beginUnseen(conversation: string) {
  const client = await world.connect(await world.addEdge());
  await world.bus.owners.claim(conversation, "ann");
  const viewer = await lookOn(conversation, edge);
  const copy = route.hold(conversation, "about what is held");
  client.send({ type: "message", id: "held", message: "about what is held", conversation_id: conversation });
  const { turn_id } = await client.next("accepted");
  return { viewer, copy, turn: world.worker.take(conversation, turn_id) };
}

function typesOf({ frames }: TestClient, turn: string): string[] {
  return frames.flatMap((frame) => ("turn_id" in frame && frame.turn_id === turn ? frame.type : []));
}

describe("an answer whose message has not come", () => {
  it("waits until the message was read, and comes behind it", async () => {
    const { viewer, copy, turn } = await beginUnseen("c_cause");
    await turn.token("words");
    await viewer.next("token", soon);
    expect(typesOf(viewer, turn.turn)).toEqual(["message", "token"]);
    copy.pass();
    await turn.complete("words");
    await viewer.next("complete");
    expect(typesOf(viewer, turn.turn)).toEqual(["message", "token", "complete"]);
  });

  it("leaves a viewer that is cut in it with a cursor that hides nothing: it goes on without a snapshot", async () => {
    const { viewer, turn } = await beginUnseen("c_cut");
    await turn.token("some ");
    await viewer.next("token", soon);
    const { seq } = viewer.view("c_cut");
    viewer.terminate();
    await turn.token("more");
    const back = await lookOn("c_cut", await world.addEdge(), seq);
    await back.next("token", soon);
    expect(back.frames.map(({ type }) => type)).not.toContain("snapshot");
    expect(typesOf(back, turn.turn)).toEqual(["token"]);
  });

  it("waits as well for the end of the answer before it", async () => {
    const client = await world.connect(await world.addEdge());
    await world.bus.owners.claim("c_before", "ann");
    const viewer = await lookOn("c_before", edge);
    const say = async (id: string) => {
      client.send({ type: "message", id, message: id, conversation_id: "c_before" });
      return world.worker.take("c_before", (await client.next("accepted")).turn_id);
    };
    const first = await say("first");
    await first.token("one");
    await viewer.next("token");
    const copy = route.hold("c_before", '"type":"complete"');
    await first.complete("one");
    await copy.arrived();
    route.hold("c_before", '"message":"second"');
    const second = await say("second");
    await second.token("two");
    await eventually(() => typesOf(viewer, second.turn).length === 2, { what: "the next answer", ...soon });
    const order = viewer.frames.flatMap(({ type }) => (/message|token|complete/.test(type) ? type : []));
    expect(order).toEqual(["message", "token", "complete", "message", "token"]);
    const { seq } = viewer.view("c_before");
    viewer.terminate();
    await second.token(" more");
    const back = await lookOn("c_before", await world.addEdge(), seq);
    await back.next("token", soon);
    expect(back.frames.map(({ type }) => type)).not.toContain("snapshot");
  });

  it("is not held back when its message is older than what the edge knows", async () => {
    const client = await world.connect(await world.addEdge());
    client.send({ type: "message", id: "old", message: "old", conversation_id: "c_older" });
    const { turn_id } = await client.next("accepted");
    const viewer = await lookOn("c_older", edge);
    await viewer.next("snapshot");
    await world.worker.take("c_older", turn_id).token("words");
    await viewer.next("token", soon);
  });
});

describe("a client that comes back, and may lack a tool's result", () => {
  it("gets its turn in a snapshot, without the transcript, and then what followed", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "tool", message: "with a tool", conversation_id: "c_tool" });
    const { turn_id } = await client.next("accepted");
    const turn = world.worker.take("c_tool", turn_id);
    await turn.token("before ");
    await client.next("token");
    const viewer = await lookOn("c_tool", edge, client.view("c_tool").seq);
    route.hold("c_tool", '"type":"tool_call_end"');
    const common = { conversation_id: "c_tool", turn_id, ts: 1 };
    const call = { call_id: "k", tool_name: "look", arguments: {} };
    await turn.append({ type: "tool_call_start", ...common, attempt: 1, n: 9, ...call });
    const outcome = { status: "completed" as const, result: "found", duration_ms: 5 };
    await turn.append({ type: "tool_call_end", ...common, ...call, ...outcome }, "tool.k");
    await turn.token("after");
    await eventually(() => shownTurn(viewer.view("c_tool"), turn_id)?.text === "after", { what: "the text" });
    const { seq } = viewer.view("c_tool");
    expect(viewer.frames.map(({ type }) => type)).not.toContain("tool_call_end");
    viewer.terminate();
    await turn.token(" and more");
    const back = await lookOn("c_tool", await world.addEdge(), seq);
    const snapshot = await back.next("snapshot", soon);
    expect(snapshot).toMatchObject({ turn_id, tool_calls: [{ call_id: "k", status: "completed" }] });
    expect(snapshot.messages).toBeUndefined();
    await eventually(() => shownTurn(back.view("c_tool"), turn_id)?.text === "before after and more", { what: "all" });
  });
});
