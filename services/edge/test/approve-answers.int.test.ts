import { jetstreamManager } from "@nats-io/jetstream";
import { streams } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";
import { askFor, forgetEvents, type Asking, type WaitingTurn } from "./support/waiting-turn.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;
let ann: TestClient;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

async function begin(asking?: Asking): Promise<WaitingTurn> {
  ann = await world.connect(edge);
  const waiting = await askFor(world, ann, asking);
  await ann.next("waiting");
  return waiting;
}

/** Decides through the other edge: by a frame of a device that looks at nothing, and over HTTP. Both get the same answer. */
async function decide({ conversation_id, call_id }: WaitingTurn, approved: boolean): Promise<object> {
  await using device = await disposable(world.connect(other));
  device.client.send({ type: "approve", conversation_id, call_id, approved });
  const framed = await Promise.race([device.client.next("decision"), device.client.next("error")]);
  const path = `/api/v1/conversations/${conversation_id}/approvals/${call_id}`;
  const { status, body } = await ask(other, "POST", path, { body: { approved } });
  const { type: _type, ...said } = framed;
  expect(said).toMatchObject({ conversation_id, call_id });
  const isSame = Object.entries(body).every(([name, value]) => same(value, Reflect.get(said, name)));
  expect([isSame, body, said]).toEqual([true, body, said]);
  return framed.type === "decision"
    ? { approved: framed.approved, by: framed.by?.id, status }
    : { code: framed.code, error: framed.error, status };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function disposable(connecting: Promise<TestClient>) {
  const client = await connecting;
  return { client, [Symbol.asyncDispose]: async () => client.close() };
}

/** By this edge, while it waits. */
async function agree({ conversation_id, call_id }: WaitingTurn): Promise<void> {
  ann.send({ type: "approve", conversation_id, call_id, approved: true });
  await ann.next("approval_decided");
}

async function end({ conversation_id, turn_id }: WaitingTurn): Promise<void> {
  await world.worker.take(conversation_id, turn_id).complete("Done.");
  await ann.next("complete");
}

async function forgetFacts(): Promise<void> {
  const jsm = await jetstreamManager(world.bus.nc);
  await jsm.streams.purge(streams.facts(0));
}

const counts = { approved: true, by: "ann", status: 200 };
const conflict = { code: "CONFLICT", status: 409, error: "It was decided before: agreed to by ann." };
const notFound = { code: "NOT_FOUND", status: 404 };

describe("whoever decides is answered, by the frame's socket and over HTTP", () => {
  it("while the turn waits, and when it was decided before", async () => {
    const waiting = await begin();
    expect(await decide(waiting, true)).toEqual(counts);
    expect(await decide(waiting, true)).toEqual(counts);
    expect(await decide(waiting, false)).toEqual(conflict);
  });

  it("after the turn has ended, with what counted", async () => {
    const waiting = await begin();
    await agree(waiting);
    await end(waiting);
    expect(await decide(waiting, true)).toEqual(counts);
    expect(await decide(waiting, false)).toEqual(conflict);
  });

  it("after its events are forgotten, with what counted", async () => {
    const waiting = await begin();
    await agree(waiting);
    await end(waiting);
    await forgetEvents(world);
    expect(await decide(waiting, true)).toEqual(counts);
    expect(await decide(waiting, false)).toEqual(conflict);
  });

  it("after its facts are forgotten, that nobody knows of it", async () => {
    const waiting = await begin();
    await agree(waiting);
    await end(waiting);
    await forgetFacts();
    expect(await decide(waiting, true)).toMatchObject(notFound);
    expect(await decide(waiting, false)).toMatchObject(notFound);
  });

  it("after the turn has ended without a decision, that nothing waits", async () => {
    const waiting = await begin();
    await end(waiting);
    expect(await decide(waiting, true)).toMatchObject({ ...notFound, error: expect.stringContaining("ended") });
  });

  it("after the time is over, and the turn with it, that it is", async () => {
    const waiting = await begin();
    const { conversation_id, turn_id, call_id } = waiting;
    const over = { approved: false, expired: true, reason: "expired", hash: "h" } as const;
    await waiting.fact({ kind: "decided", v: 1, conversation_id, turn_id, ts: 1, call_id, ...over });
    await end(waiting);
    const expired = { code: "APPROVAL_EXPIRED", status: 410 };
    expect(await decide(waiting, true)).toMatchObject(expired);
    expect(await decide(waiting, false)).toMatchObject(expired);
  });

  it("of a call that there never was, that there is none", async () => {
    const waiting = await begin();
    expect(await decide({ ...waiting, call_id: "t-0-7" }, true)).toMatchObject(notFound);
    expect(await decide({ ...waiting, call_id: "whatever" }, false)).toMatchObject(notFound);
  });

  it("of a conversation that was deleted, or never was, that there is none", async () => {
    const waiting = await begin();
    await agree(waiting);
    await end(waiting);
    const { conversation_id } = waiting;
    expect((await ask(edge, "DELETE", `/api/v1/conversations/${conversation_id}`)).status).toBe(204);
    expect(await decide(waiting, true)).toMatchObject(notFound);
    expect(await decide({ ...waiting, conversation_id: "c_never" }, true)).toMatchObject(notFound);
  });
});
