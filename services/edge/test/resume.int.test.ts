import { streams } from "@parley/protocol";
import { shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { message } from "./support/conversation-history.ts";
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

async function beginTurn(id: string, conversation_id?: string) {
  client.send({ type: "message", id, message: `about ${id}`, conversation_id });
  const accepted = await client.next("accepted");
  return world.worker.take(accepted.conversation_id, accepted.turn_id);
}

function words(count: number, of = "word"): string[] {
  return Array.from({ length: count }, (_, i) => `${of}${i} `);
}

describe("a viewer that comes later", () => {
  it("in mid-answer gets the conversation in one snapshot and then the rest live", async () => {
    const turn = await beginTurn("mid-turn");
    await turn.tokens(words(300));
    const late = await world.connect(await world.addEdge());
    late.send({ type: "subscribe", conversation_id: turn.conversation });
    // Cut before the snapshot, it must ask for all of it again.
    expect(await late.next("subscribed")).toMatchObject({ mode: "snapshot", seq: 0 });
    const snapshot = await late.next("snapshot");
    expect(snapshot).toMatchObject({
      turn_id: turn.turn,
      text: words(300).join(""),
      status: "running",
      messages: [{ author: { role: "user" }, message: "about mid-turn" }],
    });
    await turn.token("end");
    await turn.complete(`${words(300).join("")}end`);
    await late.next("complete");
    expect(shownTurn(late.view(turn.conversation), turn.turn)?.text).toBe(`${words(300).join("")}end`);
    expect(late.frames.filter(({ type }) => type === "token")).toHaveLength(1);
  });

  it("after the answer gets the transcript", async () => {
    const turn = await beginTurn("finished");
    await turn.token("done");
    await turn.complete("done");
    await client.next("complete");
    const late = await world.connect(await world.addEdge());
    late.send({ type: "subscribe", conversation_id: turn.conversation });
    expect(await late.next("subscribed")).toMatchObject({ mode: "snapshot" });
    const snapshot = await late.next("snapshot");
    expect(snapshot).toMatchObject({ status: "idle" });
    expect(snapshot.messages?.map(({ message }) => message)).toContain("done");
  });

  it("gets nothing but `subscribed` in a conversation where nothing was said", async () => {
    await world.bus.owners.claim("empty", "ann");
    client.send({ type: "subscribe", conversation_id: "empty" });
    expect(await client.next("subscribed")).toMatchObject({ mode: "live" });
    const turn = await beginTurn("first", "empty");
    await turn.complete("ok");
    await client.next("complete");
    expect(client.frames.some((frame) => frame.type === "snapshot" && frame.conversation_id === "empty")).toBe(false);
  });
});

describe("a viewer that comes back with its cursor", () => {
  it("only after it has sent a message gets the whole above what it got of that one's turn", async () => {
    const first = await beginTurn("before it left");
    const { conversation } = first;
    const viewer = await world.connect(edge);
    viewer.send({ type: "subscribe", conversation_id: conversation });
    const { seq: cursor } = await viewer.next("snapshot");
    await first.complete("missed");
    const back = await world.connect(edge);
    back.send({ type: "message", id: "after it came back", message: "again", conversation_id: conversation });
    const { turn_id } = await back.next("accepted");
    const second = world.worker.take(conversation, turn_id);
    await second.token("some");
    const { seq: got } = await back.next("token");
    back.send({ type: "subscribe", conversation_id: conversation, after: cursor });
    await back.next("subscribed");
    const whole = await back.next("snapshot");
    expect(whole.seq).toBeGreaterThan(got);
    expect(whole).toMatchObject({ turn_id, text: "some", status: "running" });
    expect(whole.messages?.map(({ message: text }) => text)).toContain("missed");
    await second.complete("some");
    await back.next("complete");
  });

  it("to another edge gets exactly what it missed, then what follows", async () => {
    const turn = await beginTurn("moved");
    const first = await world.connect(edge);
    first.send({ type: "subscribe", conversation_id: turn.conversation, after: 0 });
    await first.next("snapshot");
    // So many that nothing else than this answer can have been overtaken by the last of them.
    const shown = words(deliveryLimits.overtakingEvents);
    await turn.tokens(shown);
    for (const _ of shown) await first.next("token");
    const { seq } = first.view(turn.conversation);
    first.terminate();
    await turn.tokens(["c", "d"]);

    const second = await world.connect(await world.addEdge());
    second.send({ type: "subscribe", conversation_id: turn.conversation, after: seq });
    expect(await second.next("subscribed")).toMatchObject({ mode: "replay", seq });
    await turn.token("e");
    await turn.complete(`${shown.join("")}cde`);
    await second.next("complete");
    const tokens = second.frames.flatMap((frame) => (frame.type === "token" ? [frame.token] : []));
    expect(tokens).toEqual(["c", "d", "e"]);
  });

  it("after missing a lot gets a snapshot of the answer instead of its tokens, and every end itself", async () => {
    const turn = await beginTurn("long absence");
    await client.next("message");
    const cursor = client.view(turn.conversation).seq;
    const back = await world.connect(await world.addEdge());
    await turn.tokens(words(700));
    await turn.complete(words(700).join(""));
    back.send({ type: "subscribe", conversation_id: turn.conversation, after: cursor });
    expect(await back.next("subscribed")).toMatchObject({ mode: "snapshot" });
    await back.next("complete");
    expect(back.frames.filter(({ type }) => type === "snapshot")).toHaveLength(1);
    const view = back.view(turn.conversation);
    expect(shownTurn(view, turn.turn)).toMatchObject({ text: words(700).join(""), status: "complete" });
  });

  it("and has missed nothing is live at once", async () => {
    const turn = await beginTurn("nothing missed");
    // So far behind its message that no event of another writer can have been overtaken by the last.
    await turn.tokens(words(200));
    await turn.complete(words(200).join(""));
    await client.next("complete");
    // Other conversations go on: the stream is far beyond this cursor.
    await (await beginTurn("elsewhere")).tokens(words(20));
    const back = await world.connect(await world.addEdge());
    const cursor = client.view(turn.conversation).seq;
    back.send({ type: "subscribe", conversation_id: turn.conversation, after: cursor });
    expect(await back.next("subscribed")).toMatchObject({ mode: "live", seq: cursor });
  });

  it.each([
    ["too old", 1],
    ["from the future", Number.MAX_SAFE_INTEGER],
  ])("that is %s gets the conversation as it is", async (_what, after) => {
    const turn = await beginTurn(`cursor ${after}`);
    await turn.token("half");
    const back = await world.connect(edge);
    back.send({ type: "subscribe", conversation_id: turn.conversation, after });
    expect(await back.next("subscribed")).toMatchObject({ mode: "snapshot" });
    expect(await back.next("snapshot")).toMatchObject({ text: "half", turn_id: turn.turn });
  });

  it("from the future, where it may not look yet, is told where it begins when it sends a message", async () => {
    const back = await world.connect(edge);
    const conversation_id = "c_not_yet";
    back.send({ type: "subscribe", conversation_id, after: 2 ** 50 });
    expect(await back.next("error")).toMatchObject({ code: "NOT_FOUND", frame: "subscribe", conversation_id });
    back.send({ type: "message", id: "first", message: "hello", conversation_id });
    await back.next("accepted");
    const { seq } = await back.next("subscribed");
    expect(seq).toBeLessThan((await back.next("snapshot")).seq);
    expect(seq).toBeLessThan(2 ** 50);
  });

  it("while several messages wait has all of them, and each answer in its order", async () => {
    const turn = await beginTurn("queue 1");
    await turn.token("one");
    const cursor = client.view(turn.conversation).seq;
    const second = await beginTurn("queue 2", turn.conversation);
    await turn.complete("one");
    await second.token("two");
    await second.complete("two");
    await client.next("complete");
    const back = await world.connect(await world.addEdge());
    back.send({ type: "subscribe", conversation_id: turn.conversation, after: cursor });
    await back.next("complete");
    await back.next("complete");
    const turns = [...back.view(turn.conversation).turns.values()];
    expect(turns.map(({ turn_id, status }) => [turn_id, status])).toEqual([
      [turn.turn, "complete"],
      [second.turn, "complete"],
    ]);
  });
});

describe("a conversation", () => {
  it("that one leaves is not shown any more, and can be entered again", async () => {
    const turn = await beginTurn("leaving");
    const other = await world.connect(edge);
    other.send({ type: "subscribe", conversation_id: turn.conversation });
    await other.next("snapshot");
    other.send({ type: "unsubscribe", conversation_id: turn.conversation });
    other.send({ type: "ping" });
    await other.next("pong");
    await turn.token("unseen");
    other.send({ type: "subscribe", conversation_id: turn.conversation });
    expect(await other.next("snapshot")).toMatchObject({ text: "unseen" });
    expect(other.frames.filter(({ type }) => type === "token")).toHaveLength(0);
  });

  it("goes on for its viewers when the event stream is made anew, with numbers that rise", async () => {
    const turn = await beginTurn("new stream");
    await turn.token("lost ");
    await client.next("token");
    const before = client.view(turn.conversation).seq;
    await world.bus.nc.request(`$JS.API.STREAM.DELETE.${streams.events(0)}`);
    await world.bus.events.restore();
    // The worker is fenced off; the next one writes the message again and begins anew.
    await turn.append(message(turn.turn, "again", turn.conversation), "user");
    await turn.token("kept");
    const again = await client.next("snapshot");
    expect(again.seq).toBeGreaterThan(before);
    await turn.complete("kept");
    await client.next("complete");
    expect(shownTurn(client.view(turn.conversation), turn.turn)).toMatchObject({ text: "kept", status: "complete" });
  });

  it("goes on for its viewers when the event stream is made anew by a broker whose clock was set back", async () => {
    let setBackMs = 0;
    await using own = await createWorld();
    const viewer = await own.connect(await own.addEdge({ clockSetBackMs: () => setBackMs }));
    viewer.send({ type: "message", id: "clock", message: "about the clock" });
    const accepted = await viewer.next("accepted");
    const turn = own.worker.take(accepted.conversation_id, accepted.turn_id);
    await turn.token("lost ");
    const first = await viewer.next("token");
    await own.bus.nc.request(`$JS.API.STREAM.DELETE.${streams.events(0)}`);
    await own.bus.events.restore();
    setBackMs = 3_600_000;
    await turn.append(message(turn.turn, "again", turn.conversation), "user");
    await turn.token("kept");
    expect(await viewer.next("subscribed")).toMatchObject({ seq: 0 });
    const again = await viewer.next("snapshot");
    expect(again).toMatchObject({ turn_id: turn.turn });
    expect(again.seq).toBeLessThan(first.seq);
    await turn.complete("kept");
    expect((await viewer.next("complete")).seq).toBeGreaterThan(again.seq);
  });
});
