import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a message", () => {
  it("is accepted, queued, and answered by the events of its turn in order", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "m1", message: "hello" });
    const accepted = await client.next("accepted");
    expect(accepted).toMatchObject({ id: "m1", position: 0, message_id: `${accepted.turn_id}-u` });

    const [queued] = await world.bus.turns.waiting(accepted.conversation_id);
    expect(queued?.request).toMatchObject({ turn_id: accepted.turn_id, message: "hello", user: { id: "ann" } });

    const turn = world.worker.take(accepted.conversation_id, accepted.turn_id);
    await turn.tokens(["a ", "b ", "c"]);
    await turn.complete("a b c");
    await client.next("complete");

    const types = client.frames.map(({ type }) => type);
    expect(types).toEqual(["welcome", "auth_success", "accepted", "message", "token", "token", "token", "complete"]);
    const view = client.view(accepted.conversation_id);
    expect(shownTurn(view, accepted.turn_id)).toMatchObject({ text: "a b c", status: "complete" });
  });

  it("that comes again on the same socket is accepted as the same turn, and nothing is repeated", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "again", message: "hello" });
    const first = await client.next("accepted");
    client.send({ type: "message", id: "again", message: "hello", conversation_id: first.conversation_id });
    expect(await client.next("accepted")).toEqual(first);
    await world.worker.take(first.conversation_id, first.turn_id).complete("done");
    await client.next("complete");
    expect(client.frames.filter(({ type }) => type === "message")).toHaveLength(1);
    expect(await world.bus.turns.waiting(first.conversation_id)).toHaveLength(0);
  });

  it("that comes again on a socket which began after its turn's end is answered by the whole conversation", async () => {
    const first = await world.connect(edge);
    first.send({ type: "message", id: "early", message: "early" });
    const early = await first.next("accepted");
    await world.worker.take(early.conversation_id, early.turn_id).complete("over long ago");
    await first.next("complete");
    const second = await world.connect(edge);
    second.send({ type: "message", id: "late", message: "late", conversation_id: early.conversation_id });
    const late = await second.next("accepted");
    await second.next("message");
    second.send({ type: "message", id: "early", message: "early", conversation_id: early.conversation_id });
    expect(await second.next("accepted")).toMatchObject({ turn_id: early.turn_id });
    const turn = world.worker.take(early.conversation_id, late.turn_id);
    await turn.token("now");
    await second.next("snapshot");
    await turn.complete("now");
    await second.next("complete");
    const view = second.view(early.conversation_id);
    expect(
      view.transcript.find(({ turn_id, author }) => turn_id === early.turn_id && author.role === "assistant"),
    ).toBeDefined();
    expect(shownTurn(view, late.turn_id)).toMatchObject({ text: "now", status: "complete" });
  });

  it("that comes again after its conversation was left shows nothing that the client had already", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "left", message: "hello" });
    const { conversation_id, turn_id } = await client.next("accepted");
    const turn = world.worker.take(conversation_id, turn_id);
    await turn.token("a");
    await client.next("token");
    client.send({ type: "unsubscribe", conversation_id });
    client.send({ type: "message", id: "left", message: "hello", conversation_id });
    await client.next("accepted");
    await turn.token("b");
    await turn.complete("ab");
    await client.next("complete");
    const seqs = client.frames.flatMap((frame) => ("seq" in frame ? [frame.seq] : []));
    expect(seqs).toEqual(seqs.toSorted((one, other) => one - other));
    expect(new Set(seqs).size).toBe(seqs.length);
    expect(shownTurn(client.view(conversation_id), turn_id)).toMatchObject({ text: "ab" });
  });

  it("that comes again on a new socket also brings the whole of the turn that ran before it", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "runs", message: "one" });
    const first = await client.next("accepted");
    const { conversation_id } = first;
    const running = world.worker.take(conversation_id, first.turn_id);
    await running.token("a");
    client.send({ type: "message", id: "waits", message: "two", conversation_id });
    const second = await client.next("accepted");
    await running.token("b");
    await running.complete("ab");
    await world.worker.take(conversation_id, second.turn_id).complete("done");

    const again = await world.connect(await world.addEdge());
    again.send({ type: "message", id: "waits", message: "two", conversation_id });
    await again.next("accepted");
    await eventually(() => shownTurn(again.view(conversation_id), second.turn_id)?.status === "complete", {
      what: "the end is seen",
    });
    expect(shownTurn(again.view(conversation_id), first.turn_id)).toMatchObject({ text: "ab", status: "complete" });
  });

  it("that comes again on a new socket replays its turn from the beginning to the end", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "lost", message: "hello" });
    const { conversation_id, turn_id } = await client.next("accepted");
    client.terminate();
    const turn = world.worker.take(conversation_id, turn_id);
    await turn.tokens(["x", "y"]);
    await turn.complete("xy");

    const again = await world.connect(await world.addEdge());
    again.send({ type: "message", id: "lost", message: "hello", conversation_id });
    expect(await again.next("accepted")).toMatchObject({ turn_id, position: 0 });
    await again.next("complete");
    expect(shownTurn(again.view(conversation_id), turn_id)).toMatchObject({
      text: "xy",
      status: "complete",
      message: { message: "hello" },
    });
  });

  it("is seen by every viewer of the conversation, and so is its answer", async () => {
    const [one, other] = [await world.connect(edge), await world.connect(edge)];
    one.send({ type: "message", id: "first", message: "hello" });
    const { conversation_id, turn_id } = await one.next("accepted");
    other.send({ type: "subscribe", conversation_id });
    await other.next("subscribed");
    const turn = world.worker.take(conversation_id, turn_id);
    await turn.token("hi");
    await turn.complete("hi");
    await Promise.all([one.next("complete"), other.next("complete")]);

    one.send({ type: "message", id: "second", message: "more", conversation_id });
    const second = await one.next("accepted");
    await other.next("message");
    await world.worker.take(conversation_id, second.turn_id).complete("ok");
    await Promise.all([one.next("complete"), other.next("complete")]);
    expect(shownTurn(other.view(conversation_id), second.turn_id)).toEqual(
      shownTurn(one.view(conversation_id), second.turn_id),
    );
  });

  it.each([
    ["is empty", "   \n ", "EMPTY_MESSAGE"],
    ["is too large", "x".repeat(32 * 1024 + 1), "MESSAGE_TOO_LARGE"],
  ])("that %s is refused, and the socket stays open", async (_what, message, code) => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "m", message });
    expect(await client.next("error")).toMatchObject({ code, id: "m" });
    client.send({ type: "ping" });
    await client.next("pong");
  });
});
