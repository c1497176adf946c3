import { streams, subjects, queue, type WaitingFrame } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createCopyRoute } from "./support/late-copies.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  other = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

async function say(client: TestClient, conversation_id: string, message: string) {
  client.send({ type: "message", id: message.slice(0, 40), message, conversation_id });
  const { turn_id } = await client.next("accepted");
  return { turn_id, run: world.worker.take(conversation_id, turn_id) };
}

/** A conversation in which `first` runs and the others wait. */
async function busy(conversation: string, ...messages: string[]) {
  const client = await world.connect(edge);
  const first = await say(client, conversation, "first");
  await first.run.token("so ");
  await client.next("token");
  const waiting = [];
  for (const message of messages) waiting.push(await say(client, conversation, message));
  return { client, first, waiting };
}

async function subscribe(place: EdgeUnderTest, conversation_id: string, after?: number): Promise<TestClient> {
  const client = await world.connect(place);
  client.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  await client.next("subscribed");
  return client;
}

function told({ frames }: TestClient): WaitingFrame[] {
  return frames.filter((frame) => frame.type === "queue");
}

async function hears(client: TestClient, texts: readonly string[]): Promise<void> {
  const wanted = texts.map((text, i) => ({ text, position: i + 1 }));
  await eventually(
    () => {
      const last = told(client)
        .at(-1)
        ?.turns.map(({ text, position }) => ({ text, position }));
      return JSON.stringify(last ?? []) === JSON.stringify(wanted);
    },
    { what: `${texts.join(", ")} to wait` },
  );
}

const api = (method: string, conversation: string, turn: string, options: object = {}) =>
  ask(other, method, `/api/v1/conversations/${conversation}/queue/${turn}`, { user: "ann", ...options });
const change = (conversation: string, turn: string, message: unknown, user = "ann") =>
  api("PATCH", conversation, turn, { user, body: { message } });

/** How many texts of a message the broker keeps. */
async function textsKept(conversation: string, turn: string): Promise<number> {
  const subject = subjects.fact(0, conversation, turn, { kind: "text" });
  const query = JSON.stringify({ subjects_filter: subject });
  const info = await world.bus.nc.request(`$JS.API.STREAM.INFO.${streams.facts(0)}`, query);
  const { state } = info.json<{ state: { subjects?: Record<string, number> } }>();
  return state.subjects?.[subject] ?? 0;
}

async function shows(client: TestClient, conversation: string, turn: string, text: string): Promise<void> {
  const shown = (): string | undefined => {
    const view = client.view(conversation);
    const stored = view.transcript.findLast(({ turn_id, author }) => turn_id === turn && author.role === "user");
    return stored?.message ?? view.turns.find(({ turn_id }) => turn_id === turn)?.message?.message;
  };
  await eventually(() => shown() === text, { what: `the text ${text}` });
}

describe("what waits", () => {
  it("is told to every device, in order, and when nothing waits any more", async () => {
    const { client, first, waiting } = await busy("c_told", "two", "three");
    const elsewhere = await subscribe(other, "c_told");
    expect((await elsewhere.next("snapshot")).queue).toMatchObject([{ text: "two" }, { text: "three" }]);
    for (const device of [client, elsewhere]) await hears(device, ["two", "three"]);
    await first.run.complete("so it is");
    for (const device of [client, elsewhere]) await hears(device, ["three"]);
    await waiting[0]!.run.complete("two answered");
    for (const device of [client, elsewhere]) await hears(device, []);
    expect(told(client).at(-1)).toEqual({ type: "queue", conversation_id: "c_told", turns: [] });
  });

  it("is never told where each turn runs at once", async () => {
    const client = await world.connect(edge);
    const before = await say(client, "c_idle", "zero");
    await before.run.complete("nothing");
    await client.next("complete");
    const elsewhere = await subscribe(other, "c_idle");
    for (const message of ["one", "two", "three"]) {
      const { run } = await say(client, "c_idle", message);
      await run.token("all ");
      await run.complete("all of it");
      await client.next("complete");
      await elsewhere.next("complete");
    }
    expect([told(client), told(elsewhere)]).toEqual([[], []]);
  });

  it("is told to who comes back with a cursor, and to who begins by a message", async () => {
    const { client } = await busy("c_back", "two");
    await hears(client, ["two"]);
    const { seq } = client.view("c_back");
    for (const place of [edge, other, await world.addEdge()]) {
      await hears(await subscribe(place, "c_back", seq), ["two"]);
    }
    const fresh = await world.connect(await world.addEdge());
    await say(fresh, "c_back", "three");
    for (const device of [client, fresh]) await hears(device, ["two", "three"]);
  });

  it("has turns whose events are forgotten, and they are followed when they begin", async () => {
    const { client, first, waiting } = await busy("c_forgotten", "two", "three");
    await hears(client, ["two", "three"]);
    const filter = subjects.eventsOf(0, "c_forgotten");
    await world.bus.nc.request("$JS.API.STREAM.PURGE.EV_0", JSON.stringify({ filter }), { timeout: 2_000 });
    const late = await subscribe(await world.addEdge(), "c_forgotten");
    await hears(late, ["two", "three"]);
    const queued = queue({ ...late.view("c_forgotten"), waiting: told(late).at(-1)!.turns });
    expect(queued.map(({ message }) => message?.parts)).toEqual([
      [{ type: "text", text: "two" }],
      [{ type: "text", text: "three" }],
    ]);
    await first.run.complete("so it is");
    await hears(late, ["three"]);
    await waiting[0]!.run.token("begun ");
    await late.next("token");
    await waiting[0]!.run.complete("begun and ended");
    await hears(late, []);
  });

  it("has the beginning of a long text", async () => {
    const { client } = await busy("c_long", "x".repeat(20_000));
    await eventually(() => told(client).length > 0, { what: "the queue" });
    const [turn] = told(client).at(-1)!.turns;
    expect([turn?.text.length, turn?.truncated]).toEqual([8_192, true]);
  });
});

describe("a message that waits", () => {
  it("is changed by its author, from any device, and everybody has the new text", async () => {
    const { client, waiting } = await busy("c_changed", "two", "three");
    const [two] = waiting;
    const elsewhere = await subscribe(other, "c_changed");
    await elsewhere.next("snapshot");
    expect((await change("c_changed", two!.turn_id, "TWO")).status).toBe(204);
    for (const device of [client, elsewhere]) {
      await shows(device, "c_changed", two!.turn_id, "TWO");
      await hears(device, ["TWO", "three"]);
    }
    client.send({ type: "queue", conversation_id: "c_changed", turn_id: two!.turn_id, message: "two again" });
    for (const device of [client, elsewhere, await subscribe(await world.addEdge(), "c_changed")]) {
      await shows(device, "c_changed", two!.turn_id, "two again");
      await hears(device, ["two again", "three"]);
    }
  });

  it("is still the same message when it is sent again as it was", async () => {
    const { client, waiting } = await busy("c_repeated", "two");
    await change("c_repeated", waiting[0]!.turn_id, "TWO");
    expect((await say(client, "c_repeated", "two")).turn_id).toBe(waiting[0]!.turn_id);
    client.send({ type: "message", id: "two", message: "TWO", conversation_id: "c_repeated" });
    expect(await client.next("error")).toMatchObject({ code: "CONFLICT", id: "two" });
  });

  it("is changed no more once a worker has begun it, nor where it is the first", async () => {
    const { first, waiting } = await busy("c_begun", "two", "three");
    expect((await change("c_begun", first.turn_id, "x")).body).toMatchObject({ code: "CONFLICT" });
    const address = { conversation_id: "c_begun", turn_id: waiting[0]!.turn_id };
    expect(await world.bus.waitingTexts.close(address)).toMatchObject({ n: 0, state: "closed" });
    expect((await change("c_begun", waiting[0]!.turn_id, "x")).body).toMatchObject({ code: "CONFLICT" });
    await first.run.complete("so it is");
    expect((await change("c_begun", first.turn_id, "x")).body).toMatchObject({ code: "CONFLICT" });
    expect((await change("c_begun", "nobody", "x")).body).toMatchObject({ code: "NOT_FOUND" });
  });

  it("is changed by nobody else, and only into what may be a message", async () => {
    const { client, waiting } = await busy("c_whose", "two");
    const { turn_id } = waiting[0]!;
    expect((await change("c_whose", turn_id, "x", "bob")).body).toMatchObject({ code: "FORBIDDEN" });
    expect((await change("c_whose", turn_id, "  ")).body).toMatchObject({ code: "EMPTY_MESSAGE" });
    expect((await change("c_whose", turn_id, "x".repeat(33 * 1024))).body).toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    for (const wish of [{}, { message: "x", remove: true }]) {
      client.send({ type: "queue", id: "w", conversation_id: "c_whose", turn_id, ...wish });
      expect(await client.next("error")).toMatchObject({ code: "INVALID_FRAME", frame: "queue", id: "w" });
    }
  });

  it("is taken back from another device: its turn is asked to stop, and it can be changed no more", async () => {
    const { waiting } = await busy("c_back_taken", "two");
    const { turn_id } = waiting[0]!;
    expect((await api("DELETE", "c_back_taken", turn_id)).status).toBe(204);
    const asked = await world.bus.events.last(subjects.control(0, "c_back_taken", turn_id));
    expect(asked?.event).toMatchObject({ type: "cancel_requested", reason: "taken back", by: "ann" });
    expect((await change("c_back_taken", turn_id, "x")).body).toMatchObject({ code: "CONFLICT" });
    expect(await world.bus.waitingTexts.close({ conversation_id: "c_back_taken", turn_id })).toMatchObject({
      state: "taken back",
    });
  });

  it("is taken back as often as somebody asks, also where the edge died that had stored it, and when its turn has ended", async () => {
    const { first, waiting } = await busy("c_back_again", "two");
    const { turn_id } = waiting[0]!;
    await world.bus.waitingTexts.takeBack({ conversation_id: "c_back_again", turn_id });
    expect((await api("DELETE", "c_back_again", turn_id)).status).toBe(204);
    const asked = await world.bus.events.last(subjects.control(0, "c_back_again", turn_id));
    expect(asked?.event).toMatchObject({ type: "cancel_requested", reason: "taken back" });
    await first.run.complete("so it is");
    expect((await api("DELETE", "c_back_again", turn_id)).status).toBe(204);
    await world.worker.take("c_back_again", turn_id).complete("");
    expect((await api("DELETE", "c_back_again", turn_id)).status).toBe(204);
    expect((await change("c_back_again", turn_id, "x")).body).toMatchObject({ code: "CONFLICT" });
    expect((await api("DELETE", "c_back_again", first.turn_id)).body).toMatchObject({ code: "CONFLICT" });
  });

  it("has its new text for all when somebody comes, where the edge died that had stored it", async () => {
    const { client, waiting } = await busy("c_untold", "two");
    const { turn_id } = waiting[0]!;
    await world.bus.waitingTexts.change({ conversation_id: "c_untold", turn_id }, "TWO");
    const late = await subscribe(await world.addEdge(), "c_untold");
    for (const device of [client, late]) await shows(device, "c_untold", turn_id, "TWO");
  });

  it("has the text that was stored last when many devices change it at once", async () => {
    const { client, waiting } = await busy("c_many", "two");
    const { turn_id } = waiting[0]!;
    const changed = await Promise.all(Array.from({ length: 15 }, (_, i) => change("c_many", turn_id, `text ${i}`)));
    expect(changed.every(({ status }) => status === 204)).toBe(true);
    // Else one message could fill the stream of facts for all.
    expect(await textsKept("c_many", turn_id)).toBe(1);
    const closed = await world.bus.waitingTexts.close({ conversation_id: "c_many", turn_id });
    if (closed === "unreadable") throw new Error(closed);
    expect(closed.n).toBe(15);
    await shows(client, "c_many", turn_id, closed.message!);
    const order = client.frames.flatMap((frame) => (frame.type === "message" ? (frame.changed ?? 0) : []));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });
});

describe("a changed message whose copy comes late", () => {
  it("is in a snapshot for those who are past it, and not lost on who is cut before", async () => {
    const route = createCopyRoute();
    const place = await world.addEdge({ lose: route.lose });
    const { waiting, first } = await busy("c_late", "two");
    const device = await subscribe(place, "c_late");
    await device.next("snapshot");
    const { turn_id } = waiting[0]!;
    const held = route.hold("c_late", '"changed":1');
    await change("c_late", turn_id, "TWO");
    await held.arrived();
    await first.run.token("past it");
    await device.next("token");
    const { seq } = device.view("c_late");
    for (const back of [await subscribe(place, "c_late", seq), await subscribe(other, "c_late", seq)]) {
      await shows(back, "c_late", turn_id, "TWO");
    }
    held.pass();
    await shows(device, "c_late", turn_id, "TWO");
  });
});
