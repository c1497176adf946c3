import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
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

async function beginTurn(id: string, conversation_id: string) {
  client.send({ type: "message", id, message: `about ${id}`, conversation_id });
  const { turn_id } = await client.next("accepted");
  return world.worker.take(conversation_id, turn_id);
}

/** More turns than a snapshot has messages. Returns them. */
async function speakMuch(conversation: string): Promise<string[]> {
  const turns: string[] = [];
  for (let i = 0; i <= deliveryLimits.snapshotMessages + 5; i++) {
    const turn = await beginTurn(`m${i}`, conversation);
    await turn.tokens(["some ", `words ${i}`]);
    await turn.complete(`some words ${i}`);
    turns.push(turn.turn);
  }
  return turns;
}

it("who may lack something, and is far behind, is told every end that followed", async () => {
  const conversation = "c_far_behind";
  const first = await beginTurn("first", conversation);
  await first.token("one ");
  const waiting = await beginTurn("waiting", conversation);
  await first.token("two");
  await eventually(() => shownTurn(client.view(conversation), first.turn)?.text === "one two", { what: "the text" });
  const { seq } = client.view(conversation);
  // As an agent worker stores its `ending` before each end.
  await world.worker.take("c_elsewhere", "t").token("room");
  await first.complete("one two");
  await waiting.complete("waited");
  const turns = [first.turn, waiting.turn, ...(await speakMuch(conversation))];

  const back = await world.connect(await world.addEdge());
  back.send({ type: "subscribe", conversation_id: conversation, after: seq });
  expect(await back.next("subscribed")).toMatchObject({ mode: "snapshot", seq });
  const ends = (): string[] => back.frames.flatMap((frame) => (frame.type === "complete" ? frame.turn_id : []));
  await eventually(() => ends().length === turns.length, { what: "every end" });
  expect(ends()).toEqual(turns);
  const snapshot = back.frames.find((frame) => frame.type === "snapshot");
  expect(snapshot).toMatchObject({ turn_id: first.turn, text: "one two" });
  const seqs = back.frames.flatMap((frame) => ("seq" in frame && frame.type !== "subscribed" ? frame.seq : []));
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
});

it("who sends a message again that was answered long ago is told the answer, with the whole that it gets", async () => {
  const conversation = "c_long_ago";
  const first = await beginTurn("long ago", conversation);
  await world.worker.take("c_elsewhere", "t").token("room");
  await first.complete("answered long ago");
  await speakMuch(conversation);
  const repeat = { type: "message" as const, id: "long ago", message: "about long ago", conversation_id: conversation };
  const isTold = ({ frames }: TestClient): boolean =>
    frames.some(
      (frame) =>
        frame.type === "snapshot" && frame.messages?.some(({ message }) => message === "answered long ago") === true,
    );
  const place = await world.addEdge();

  const together = await world.connect(place);
  together.send({ type: "subscribe", conversation_id: conversation });
  together.send(repeat);
  await eventually(
    () => together.frames.some((frame) => frame.type === "complete" && frame.response === "answered long ago"),
    { what: "the end" },
  );

  const later = await world.connect(place);
  later.send({ type: "subscribe", conversation_id: conversation });
  await later.next("snapshot");
  expect(isTold(later)).toBe(false);
  later.send(repeat);
  await eventually(() => isTold(later), { what: "the answer" });
  const [before, after] = later.frames.filter((frame) => frame.type === "snapshot");
  expect(after?.seq).toBeGreaterThan(before?.seq ?? Infinity);
});
