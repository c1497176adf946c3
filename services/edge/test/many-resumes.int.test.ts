import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryLimits, type DeliveryLimits } from "../src/delivery-limits.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import { createCopyRoute } from "./support/late-copies.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** As many as an edge looks after at once, whoever waits. */
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
async function addSlowEdge(held: number, { doubtedMs = 60_000, ...limits }: Partial<DeliveryLimits> = {}) {
  let open = (): void => {};
  let readers = 0;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const beforeReading = async (): Promise<void> => {
    if (readers++ < held) await opened;
  };
  const slow = await world.addEdge({ beforeReading, limits: { ...limits, doubtedMs } });
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
    await areReading(others);
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

  it("does not wait for what others wait for", async () => {
    const client = await world.connect(await world.addEdge());
    const turn = await beginTurn(client, "asked");
    await turn.complete("answered");
    const { seq } = await client.next("complete");
    const { slow, open, areReading } = await addSlowEdge(others + 1);
    for (let i = 0; i <= others; i++) await comeBack(slow, turn.conversation, seq);
    await areReading(others + 1);
    const last = await comeBack(slow, turn.conversation, seq);
    expect(await last.next("subscribed")).toMatchObject({ seq });
    open();
  });

  it.each([
    ["alone", 1],
    ["one of many", others + 1],
  ])("gets the whole when nothing says whether it lacks something, %s", async (what, held) => {
    const client = await world.connect(await world.addEdge());
    const turn = await beginTurn(client, `asked ${what}`);
    await turn.complete("answered");
    const { seq } = await client.next("complete");
    const { slow, open, areReading } = await addSlowEdge(held, { doubtedMs: 1_000 });
    const waiting = await Promise.all(Array.from({ length: held }, () => world.connect(slow)));
    for (const one of waiting) one.send({ type: "subscribe", conversation_id: turn.conversation, after: seq });
    await areReading(held);
    for (const one of waiting) {
      expect(await one.next("subscribed")).toMatchObject({ mode: "snapshot", seq });
      expect((await one.next("snapshot")).messages?.at(-1)).toMatchObject({ message: "answered" });
    }
    open();
  });

  it("gets the whole unasked when too many wait until that is known", async () => {
    const client = await world.connect(await world.addEdge());
    const turn = await beginTurn(client, "said");
    await turn.complete("answered");
    const { seq } = await client.next("complete");
    const { slow, open, areReading } = await addSlowEdge(others + 1, { doubtedViewers: 1 });
    const waiting: TestClient[] = [];
    for (let i = 0; i <= others; i++) waiting.push(await comeBack(slow, turn.conversation, seq));
    await areReading(others + 1);
    const beyond = await comeBack(slow, turn.conversation, seq);
    expect(await beyond.next("subscribed")).toMatchObject({ mode: "snapshot", seq });
    expect((await beyond.next("snapshot")).messages?.at(-1)).toMatchObject({ message: "answered" });
    expect(waiting.flatMap(({ frames }) => frames.filter(({ type }) => type === "subscribed"))).toEqual([]);
    open();
    for (const one of waiting) await one.next("subscribed");
  });
});
