import { subjects } from "@parley/protocol";
import { eventually, startTcpProxy, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createCopyRoute, type CopyRoute } from "./support/late-copies.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let route: CopyRoute;
let edge: EdgeUnderTest;
let client: TestClient;

beforeAll(async () => {
  world = await createWorld();
  route = createCopyRoute();
  edge = await world.addEdge({ lose: route.lose });
  client = await world.connect(edge);
});
afterAll(() => world[Symbol.asyncDispose]());

/** What a viewer must have been brought to is there within this. */
const soon = { timeoutMs: 1_000 };

async function beginTurn(id: string, conversation_id?: string) {
  client.send({ type: "message", id, message: `about ${id}`, conversation_id });
  const accepted = await client.next("accepted");
  return world.worker.take(accepted.conversation_id, accepted.turn_id);
}

async function lookOn(conversation_id: string, at = edge, after?: number): Promise<TestClient> {
  const viewer = await world.connect(at);
  viewer.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  // Whatever follows, it has no more than what it had: it may be cut here.
  expect(await viewer.next("subscribed")).toMatchObject({ seq: after ?? 0 });
  return viewer;
}

/** Whether the viewer has heard of the message, as an event or in a snapshot. */
function hasMessage(viewer: TestClient, conversation: string, turn: string): boolean {
  const view = viewer.view(conversation);
  return shownTurn(view, turn)?.message !== undefined || view.transcript.some(({ turn_id }) => turn_id === turn);
}

describe("an end whose copy comes after that of an event stored behind it", () => {
  it("is shown in its place when viewers have not seen the other one", async () => {
    const turn = await beginTurn("cancelled too late");
    await turn.token("all");
    await client.next("token");
    const end = route.hold(turn.conversation, '"type":"complete"');
    await turn.complete("all");
    const { conversation, turn: turn_id } = turn;
    const common = { conversation_id: conversation, turn_id, ts: 1 };
    await turn.append({ type: "cancel_requested", ...common, by: "ann", reason: "cancelled by user" }, "ctl");
    const elsewhere = await beginTurn("seen after the cancel");
    await elsewhere.token("the edge is past the cancel");
    await client.next("token");
    await end.arrived();
    end.pass();
    await client.next("complete", soon);
    expect(shownTurn(client.view(conversation), turn_id)).toMatchObject({ text: "all", status: "complete" });
  });

  it("is in a snapshot within a second when they have, although nothing is stored any more", async () => {
    const turn = await beginTurn("ended unseen");
    await turn.token("all");
    const onlookers = await Promise.all([1, 2, 3].map(() => lookOn(turn.conversation)));
    const end = route.hold(turn.conversation, '"type":"complete"');
    await turn.complete("all");
    const waiting = await beginTurn("waits behind it", turn.conversation);
    for (const onlooker of onlookers) await onlooker.next("message");
    await end.arrived();
    const before = (await world.bus.events.state(0)).lastSeq;
    end.pass();
    for (const onlooker of onlookers) {
      await onlooker.next("snapshot");
      await eventually(() => onlooker.frames.filter(({ type }) => type === "snapshot").length === 2, {
        what: "a second snapshot",
        ...soon,
      });
      const view = onlooker.view(turn.conversation);
      expect(shownTurn(view, turn.turn)).toMatchObject({ text: "all", status: "complete" });
      expect(view.transcript.map(({ turn_id }) => turn_id)).toEqual([turn.turn, turn.turn, waiting.turn]);
    }
    // One hidden event makes room for the snapshots of all.
    expect((await world.bus.events.state(0)).lastSeq).toBe(before + 1);
    await waiting.complete("next");
    await Promise.all(onlookers.map((onlooker) => onlooker.next("complete")));
  });
});

describe("a message whose copy comes after the answer to it has begun", () => {
  it("is shown to its sender, and the answer whole, without the copy", async () => {
    const sender = await world.connect(edge);
    await world.bus.owners.claim("c_begun", "ann");
    route.hold("c_begun", "about itself");
    sender.send({
      type: "message",
      id: "overtaken by its answer",
      message: "about itself",
      conversation_id: "c_begun",
    });
    const { turn_id } = await sender.next("accepted");
    const turn = world.worker.take("c_begun", turn_id);
    await turn.token("first ");
    // Sent again on a new connection: that one begins at the message, which the edge does not have.
    const again = await world.connect(edge);
    again.send({ type: "message", id: "overtaken by its answer", message: "about itself", conversation_id: "c_begun" });
    await again.next("accepted");
    await eventually(() => shownTurn(again.view("c_begun"), turn_id)?.text === "first ", { what: "the text", ...soon });
    expect(hasMessage(again, "c_begun", turn_id)).toBe(true);
    await eventually(() => hasMessage(sender, "c_begun", turn_id), { what: "the message", ...soon });
  });
});

describe("a snapshot that is made while the copies are behind", () => {
  it("has no turn that ends beyond it, and no turn ends twice", async () => {
    const slow = createCopyRoute();
    const behind = await world.addEdge({ lose: slow.lose });
    const turn = await beginTurn("copies behind");
    await turn.token("shown ");
    await client.next("token");
    const early = await lookOn(turn.conversation, behind, client.view(turn.conversation).seq);
    const copies = slow.hold(turn.conversation, "");
    await turn.tokens(["too ", "and the rest"]);
    await turn.complete("shown too and the rest");
    await copies.arrived(3);
    const late = await lookOn(turn.conversation, behind);
    copies.pass();
    const next = await beginTurn("after it", turn.conversation);
    await next.complete("ok");
    for (const viewer of [early, late]) {
      await eventually(() => shownTurn(viewer.view(turn.conversation), next.turn)?.status === "complete", {
        what: "the next turn's end",
      });
      const view = viewer.view(turn.conversation);
      const told = view.transcript.filter(
        ({ turn_id, author }) => turn_id === turn.turn && author.role === "assistant",
      );
      const ends = viewer.frames.filter((frame) => frame.type === "complete" && frame.turn_id === turn.turn);
      expect(told.length + ends.length).toBe(1);
      expect(shownTurn(view, turn.turn)?.text ?? "shown too and the rest").toBe("shown too and the rest");
    }
  });
});

describe("an end whose copy is still to come", () => {
  it("is brought to who waits for it by who comes new", async () => {
    const slow = createCopyRoute();
    const behind = await world.addEdge({ lose: slow.lose });
    const turn = await beginTurn("held for long");
    await turn.token("all");
    const early = await lookOn(turn.conversation, behind);
    await early.next("snapshot");
    const end = slow.hold(turn.conversation, '"type":"complete"');
    await turn.complete("all");
    await end.arrived();
    const next = await beginTurn("overtakes it", turn.conversation);
    await early.next("message");
    const late = await lookOn(turn.conversation, behind);
    const hasAnswer = (viewer: TestClient): boolean =>
      viewer.view(turn.conversation).transcript.some(({ message }) => message === "all");
    for (const viewer of [late, early]) await eventually(() => hasAnswer(viewer), { what: "the answer", ...soon });
    expect(shownTurn(early.view(turn.conversation), turn.turn)?.status).toBe("complete");
    end.pass();
    await next.complete("ok");
    for (const viewer of [late, early]) await viewer.next("complete");
  });
});

describe("a viewer that was cut between two events that overtook each other", () => {
  /** It has the later one, whose cursor this is. The earlier one is a message that waits. */
  async function cutViewer(id: string) {
    const turn = await beginTurn(id);
    await turn.token("first ");
    const viewer = await lookOn(turn.conversation);
    const copy = route.hold(turn.conversation, `about overtaken ${id}`);
    client.send({
      type: "message",
      id: `overtaken ${id}`,
      message: `about overtaken ${id}`,
      conversation_id: turn.conversation,
    });
    const { turn_id: missed } = await client.next("accepted");
    await turn.token("second ");
    await viewer.next("token");
    const { seq: cursor } = viewer.view(turn.conversation);
    viewer.terminate();
    await copy.arrived();
    return { turn, missed, cursor, copy };
  }

  it("has the earlier one when it comes back before that has come", async () => {
    const { turn, missed, cursor, copy } = await cutViewer("same edge, too early");
    const back = await lookOn(turn.conversation, edge, cursor);
    copy.pass();
    await eventually(() => hasMessage(back, turn.conversation, missed), { what: "the message", ...soon });
  });

  it("has the earlier one when it comes back after that has come", async () => {
    const { turn, missed, cursor, copy } = await cutViewer("same edge");
    copy.pass();
    await turn.token("third");
    await eventually(() => client.view(turn.conversation).seq > cursor, { what: "the next event" });
    const back = await lookOn(turn.conversation, edge, cursor);
    await eventually(() => hasMessage(back, turn.conversation, missed), { what: "the message", ...soon });
  });

  it("has the earlier one when it comes back to another edge", async () => {
    const { turn, missed, cursor } = await cutViewer("another edge");
    const back = await lookOn(turn.conversation, await world.addEdge(), cursor);
    await eventually(() => hasMessage(back, turn.conversation, missed), { what: "the message", ...soon });
    await turn.token("third");
    await turn.complete("first second third");
    await back.next("complete");
    expect(shownTurn(back.view(turn.conversation), turn.turn)).toMatchObject({ text: "first second third" });
  });

  it("has the earlier one also when that comes after it has left far behind it, and come back with a message", async () => {
    const turn = await beginTurn("left far behind");
    const viewer = await lookOn(turn.conversation);
    const copy = route.hold(turn.conversation, "about what is far behind");
    const question = { type: "message", message: "about what is far behind", conversation_id: turn.conversation };
    client.send({ ...question, id: "far behind" });
    const { turn_id: missed } = await client.next("accepted");
    await copy.arrived();
    const words = Array.from({ length: deliveryLimits.overtakingEvents + 1 }, (_, i) => `word${i} `);
    await turn.tokens(words);
    for (const _ of words) await viewer.next("token");
    viewer.send({ type: "unsubscribe", conversation_id: turn.conversation });
    viewer.send({ type: "message", id: "back from afar", message: "back", conversation_id: turn.conversation });
    await viewer.next("accepted");
    expect(hasMessage(viewer, turn.conversation, missed)).toBe(false);
    copy.pass();
    await eventually(() => hasMessage(viewer, turn.conversation, missed), { what: "the message", ...soon });
  });

  it("has the earlier one when it only left the conversation, and comes back with a message", async () => {
    const turn = await beginTurn("left");
    await turn.token("first ");
    const viewer = await lookOn(turn.conversation);
    const copy = route.hold(turn.conversation, "about what is missed");
    client.send({ type: "message", id: "missed", message: "about what is missed", conversation_id: turn.conversation });
    const { turn_id: missed } = await client.next("accepted");
    await turn.token("second ");
    await viewer.next("token");
    viewer.send({ type: "unsubscribe", conversation_id: turn.conversation });
    viewer.send({ type: "ping" });
    await viewer.next("pong");
    await copy.arrived();
    copy.pass();
    viewer.send({ type: "message", id: "back", message: "back again", conversation_id: turn.conversation });
    await viewer.next("accepted");
    await eventually(() => hasMessage(viewer, turn.conversation, missed), { what: "the message", ...soon });
  });
});

describe("a conversation that is opened while the broker connection breaks", () => {
  it("is shown as soon as the connection is back", async () => {
    await using proxy = await startTcpProxy({ targets: [world.nats.port] });
    const cut = await world.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}`, limits: { lingerMs: 0 } });
    const turn = await beginTurn("opened in bad times");
    const viewer = await lookOn(turn.conversation, cut);
    viewer.send({ type: "unsubscribe", conversation_id: turn.conversation });
    await eventually(async () => (await metricOf(cut, "parley_edge_hubs")) === 0, { what: "no hub" });
    proxy.stall();
    viewer.send({ type: "subscribe", conversation_id: turn.conversation });
    await eventually(async () => (await metricOf(cut, "parley_edge_hubs")) === 1, { what: "a hub that opens" });
    proxy.sever();
    await eventually(() => !cut.bus.connected(), { what: "no connection" });
    proxy.heal();
    await viewer.next("subscribed");
    await turn.complete("ok");
    await viewer.next("complete");
    expect(viewer.frames.filter(({ type }) => type === "error")).toEqual([]);
  });
});

it("keeps the hidden event that makes room out of what viewers get", async () => {
  const turn = await beginTurn("mark");
  const last = await turn.token("a");
  await client.next("token");
  const { conversation, turn: turn_id } = turn;
  await world.bus.events.writeOnce(subjects.mark(0, conversation, turn_id, last), {
    type: "mark",
    conversation_id: conversation,
    turn_id,
    ts: 1,
  });
  await turn.complete("a");
  await client.next("complete");
  expect(client.frames.map(({ type }) => type)).not.toContain("mark");
});
