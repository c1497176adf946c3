import { streams, subjects } from "@parley/protocol";
import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, openStream } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;
let client: TestClient;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  other = await world.addEdge();
  client = await world.connect(edge);
});
afterAll(() => world[Symbol.asyncDispose]());

async function begin(id: string) {
  client.send({ type: "message", id, message: "the first text" });
  const accepted = await client.next("accepted");
  return { ...accepted, turn: world.worker.take(accepted.conversation_id, accepted.turn_id) };
}

const conflict = { type: "error", code: "CONFLICT", retryable: false, frame: "message" } as const;

/** Sends both texts under the id, from where nobody looked on before. */
async function sendBoth(at: EdgeUnderTest, id: string, conversation_id: string, more: object = {}) {
  const again = await world.connect(at);
  again.send({ type: "message", id, message: "another text", conversation_id, ...more });
  expect(await again.next("error")).toMatchObject({ ...conflict, id, conversation_id });
  again.send({ type: "message", id, message: "the first text", conversation_id, ...more });
  return { again, accepted: await again.next("accepted") };
}

describe("a message id that was used", () => {
  it("is refused with another text while its turn waits or runs, on any edge, and changes nothing", async () => {
    const { conversation_id, turn_id, turn } = await begin("runs");
    for (const at of [edge, other]) {
      const { accepted } = await sendBoth(at, "runs", conversation_id);
      expect(accepted.turn_id).toBe(turn_id);
    }
    client.send({ type: "message", id: "runs", message: "another text", conversation_id });
    expect(await client.next("error")).toMatchObject(conflict);
    await turn.token("hi");
    await turn.complete("hi");
    await client.next("complete");
    expect(shownTurn(client.view(conversation_id), turn_id)).toMatchObject({
      text: "hi",
      message: { message: "the first text" },
    });
  });

  it.each(["interrupt", "reject"])("is refused with another text also when it would %s", async (on_busy) => {
    const { conversation_id, turn_id } = await begin(`busy ${on_busy}`);
    const { accepted } = await sendBoth(other, `busy ${on_busy}`, conversation_id, { on_busy });
    expect(accepted.turn_id).toBe(turn_id);
    expect(await world.bus.events.last(subjects.control(0, conversation_id, turn_id))).toBeUndefined();
  });

  it("is refused with another text after its turn has ended", async () => {
    const { conversation_id, turn_id, turn } = await begin("ended");
    await turn.complete("done");
    const { again, accepted } = await sendBoth(other, "ended", conversation_id);
    expect(accepted.turn_id).toBe(turn_id);
    await again.next("complete");
    expect(await world.bus.turns.waiting(conversation_id)).toEqual([]);
  });

  it("is refused with another text when the edge that took the first died before it stored it", async () => {
    const { conversation_id, turn_id } = await begin("half done");
    const { seq } = (await world.bus.events.last(subjects.user(0, conversation_id, turn_id))) ?? { seq: 0 };
    await eventually(() => client.frames.some((frame) => frame.type === "message"), { what: "the message" });
    await world.bus.nc.request(`$JS.API.STREAM.MSG.DELETE.${streams.events(0)}`, JSON.stringify({ seq }));
    const { accepted } = await sendBoth(other, "half done", conversation_id);
    expect(accepted.turn_id).toBe(turn_id);
  });

  it("is refused with another text when only the transcript knows the first", async () => {
    const { conversation_id, turn_id, turn, message_id } = await begin("old");
    await world.bus.transcripts.append({
      v: 1,
      conversation_id,
      turn_id,
      message_id,
      author: { role: "user", id: "ann" },
      message: "the first text",
      status: "complete",
      ts: 1,
    });
    await turn.complete("done");
    const filter = subjects.eventsOf(0, conversation_id);
    await world.bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`, JSON.stringify({ filter }));
    const { accepted } = await sendBoth(other, "old", conversation_id);
    expect(accepted.turn_id).toBe(turn_id);
  });

  it("is refused with another text when the queue has forgotten the id and the log has not", async () => {
    const { conversation_id, turn_id, turn } = await begin("forgotten");
    await turn.complete("done");
    // Ids are remembered in memory of the stream: with a short window they are gone at once.
    await forgetIds();
    const { accepted } = await sendBoth(other, "forgotten", conversation_id);
    expect(accepted.turn_id).toBe(turn_id);
    const stored = await world.bus.events.last(subjects.user(0, conversation_id, turn_id));
    expect(stored?.event).toMatchObject({ message: "the first text" });
  });

  it("may come with another agent, model or metadata: the text decides", async () => {
    const { conversation_id, turn_id } = await begin("same text");
    const again = await world.connect(other);
    const more = { agent: "specs", model: "m2", metadata: { try: 2 } };
    again.send({ type: "message", id: "same text", message: "the first text", conversation_id, ...more });
    expect((await again.next("accepted")).turn_id).toBe(turn_id);
  });

  it("is another message in another conversation, and of another user", async () => {
    const { turn_id } = await begin("shared");
    client.send({ type: "message", id: "shared", message: "another text" });
    expect((await client.next("accepted")).turn_id).not.toBe(turn_id);
    const bert = await world.connect(edge, "bert");
    bert.send({ type: "message", id: "shared", message: "of bert" });
    expect((await bert.next("accepted")).turn_id).not.toBe(turn_id);
  });
});

async function forgetIds(): Promise<void> {
  const name = streams.turns;
  const reply = await world.bus.nc.request(`$JS.API.STREAM.INFO.${name}`);
  const { config } = JSON.parse(new TextDecoder().decode(reply.data));
  const update = (duplicate_window: number) =>
    world.bus.nc.request(`$JS.API.STREAM.UPDATE.${name}`, JSON.stringify({ ...config, duplicate_window }));
  await update(100_000_000);
  const probe = { subject: subjects.turns("c_probe"), data: new TextEncoder().encode("{}"), msgId: "probe" };
  const first = await world.bus.events.append(probe);
  await eventually(
    async () => {
      const again = await world.bus.events.append(probe);
      return again.kind === "stored" && !again.duplicate;
    },
    { what: "a forgotten id" },
  );
  expect(first.kind).toBe("stored");
  await world.bus.nc.request(`$JS.API.STREAM.PURGE.${name}`, JSON.stringify({ filter: subjects.turns("c_probe") }));
  await update(config.duplicate_window);
}

describe("an idempotency key that was used", () => {
  const headers = { "idempotency-key": "k1" };

  it("is refused with another text: 409", async () => {
    const first = ask(edge, "POST", "/api/v1/chat", { headers, body: { message: "one", conversation_id: "c_http" } });
    const [turn] = await eventually(
      async () => {
        const waiting = await world.bus.turns.waiting("c_http");
        return waiting.length > 0 ? waiting : undefined;
      },
      { what: "a turn" },
    );
    const body = { message: "two", conversation_id: "c_http" };
    for (const path of ["/api/v1/chat", "/api/chat/message"]) {
      const refused = await ask(other, "POST", path, { headers, body });
      expect([refused.status, refused.body.code, refused.body.retryable]).toEqual([409, "CONFLICT", false]);
      expect(refused.body.error).toContain("with this Idempotency-Key");
    }
    const stream = await openStream(other, { headers, body });
    expect(stream.status).toBe(409);
    await world.worker.take("c_http", turn?.request.turn_id ?? "").complete("done");
    expect((await first).status).toBe(200);
    const resumed = await openStream(edge, { headers: { ...headers, "last-event-id": "1" }, body });
    expect(resumed.status).toBe(409);
  });

  it("makes the same conversation when none is named, so another text is refused there too", async () => {
    const of = (message: string) =>
      ask(edge, "POST", "/api/v1/chat", { headers: { "idempotency-key": "k2" }, body: { message } });
    const first = of("one");
    // Of two that are on their way together either may be the first.
    const turn = await eventually(
      async () => (await world.bus.turns.scan(100)).map(({ request }) => request).find(({ id }) => id === "k2"),
      { what: "its turn" },
    );
    expect((await of("two")).status).toBe(409);
    await world.worker.take(turn.conversation_id, turn.turn_id).complete("done");
    expect((await first).body.response).toBe("done");
  });
});
