import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import { createCopyRoute } from "./support/late-copies.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const others = 16;

async function beginTurn(client: TestClient, message: string, conversation_id?: string): Promise<FakeTurn> {
  client.send({ type: "message", id: message, message, conversation_id });
  const accepted = await client.next("accepted");
  return world.worker.take(accepted.conversation_id, accepted.turn_id);
}

async function comeBack(edge: EdgeUnderTest, conversation_id: string, after: number): Promise<TestClient> {
  const client = await world.connect(edge);
  client.send({ type: "subscribe", conversation_id, after });
  return client;
}

async function hasHandledAll(client: TestClient): Promise<void> {
  client.send({ type: "ping" });
  await client.next("pong");
}

/** An edge whose first readings wait until the test says so. */
async function addSlowEdge(held: number) {
  let open = (): void => {};
  let readers = 0;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const beforeReading = async (): Promise<void> => {
    if (readers++ < held) await opened;
  };
  const slow = await world.addEdge({ beforeReading });
  const areReading = (count: number): Promise<boolean> =>
    eventually(() => readers === count, { what: `${count} readers` });
  return { slow, open, areReading };
}

describe("a viewer that is one of many who come back at once", () => {
  it("has what was overtaken also when it is cut again, far behind that, before it is known that it lacked it", async () => {
    const route = createCopyRoute();
    const edge = await world.addEdge({ lose: route.lose });
    const client = await world.connect(edge);
    const turn = await beginTurn(client, "first");
    const { conversation } = turn;
    const viewer = await comeBack(edge, conversation, 0);
    await viewer.next("snapshot");
    const copy = route.hold(conversation, "about what is missed");
    const missed = (await beginTurn(client, "about what is missed", conversation)).turn;
    await copy.arrived();
    await turn.token("later ");
    await viewer.next("token");
    const cursor = viewer.view(conversation).seq;
    viewer.terminate();

    const { slow, open, areReading } = await addSlowEdge(Infinity);
    for (let i = 0; i < others; i++) await comeBack(slow, conversation, cursor);
    await areReading(1);
    const again = await comeBack(slow, conversation, cursor);
    await hasHandledAll(again);
    const words = Array.from({ length: deliveryLimits.overtakingEvents + 2 }, (_, i) => `word${i} `);
    await turn.tokens(words);
    await slow.bus.events.flush();
    await hasHandledAll(again);
    const reached = Math.max(cursor, again.view(conversation).seq);
    again.terminate();

    const back = await comeBack(await world.addEdge(), conversation, reached);
    const isTold = ({ frames }: TestClient): boolean => JSON.stringify(frames).includes(missed);
    await eventually(() => isTold(again) || isTold(back), { what: "the message", timeoutMs: 2_000 });
    open();
  });

  it("does not wait for what others wait for if nothing is under way in its conversation", async () => {
    const client = await world.connect(await world.addEdge());
    const busy = await beginTurn(client, "is being answered");
    await busy.token("words");
    const quiet = await beginTurn(client, "asked");
    await quiet.complete("answered");
    const { seq } = await client.next("complete");
    const { slow, open, areReading } = await addSlowEdge(Infinity);
    for (let i = 0; i < others; i++) await comeBack(slow, busy.conversation, seq);
    await areReading(1);
    const last = await comeBack(slow, quiet.conversation, seq);
    expect(await last.next("subscribed")).toMatchObject({ mode: "live", seq });
    open();
  });
});
