import type { StoredMessage } from "@parley/bus";
import { streams } from "@parley/protocol";
import { eventually, startTcpProxy, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type Lose, type World } from "./support/edge-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let client: TestClient;
const losses: Lose[] = [];

beforeAll(async () => {
  world = await createWorld();
  const lose: Lose = (message, pass) => losses.some((isLost) => isLost(message, pass));
  edge = await world.addEdge({ lose, limits: { silenceMs: 1_000 } });
  client = await world.connect(edge);
});
afterAll(() => world[Symbol.asyncDispose]());

async function beginTurn(id: string, onto: TestClient = client) {
  onto.send({ type: "message", id, message: id });
  const accepted = await onto.next("accepted");
  return world.worker.take(accepted.conversation_id, accepted.turn_id);
}

/** The messages of this conversation whose text says so are lost on their way. */
function loseOf(conversation: string, text: string): void {
  losses.push(
    ({ subject, data }) => subject.includes(`.${conversation}.`) && Buffer.from(data).toString("utf8").includes(text),
  );
}

describe("an event that is lost on its way", () => {
  it("is fetched as soon as the next one of its kind comes, and shown in its place", async () => {
    const turn = await beginTurn("hole in the text");
    loseOf(turn.conversation, "lost");
    const holes = await metricOf(edge, "parley_edge_holes_total");
    for (const text of ["a", "lost1", "lost2", "b", "c"]) await turn.token(text);
    await turn.complete("alost1lost2bc");
    await client.next("complete");
    expect(shownTurn(client.view(turn.conversation), turn.turn)?.text).toBe("alost1lost2bc");
    expect(await metricOf(edge, "parley_edge_holes_total")).toBe(holes + 1);
  });

  it("and is missed only after later ones were shown is put right by a snapshot", async () => {
    const turn = await beginTurn("hole below");
    loseOf(turn.conversation, "lost");
    const common = { conversation_id: turn.conversation, turn_id: turn.turn, ts: 1, call_id: "k" } as const;
    const progress = (message: string): Promise<number> =>
      turn.append({ type: "tool_call_progress", ...common, message }, "toolp.k");
    await turn.token("shown ");
    await progress("first");
    await progress("lost");
    await turn.token("too");
    // Only who is past the lost one needs a snapshot.
    const text = (): string | undefined => shownTurn(client.view(turn.conversation), turn.turn)?.text;
    await eventually(() => text() === "shown too", { what: "both tokens" });
    await progress("third");
    const snapshot = await client.next("snapshot");
    expect(snapshot).toMatchObject({ text: "shown too" });
    await turn.complete("shown too");
    await client.next("complete");
    expect(shownTurn(client.view(turn.conversation), turn.turn)).toMatchObject({ status: "complete" });
  });

  it("and was the last one is fetched after a while of silence", async () => {
    const turn = await beginTurn("lost end");
    await turn.token("all");
    await client.next("token");
    loseOf(turn.conversation, '"type":"complete"');
    await turn.complete("all");
    expect(await client.next("complete")).toMatchObject({ response: "all" });
  });
});

describe("an end that the stream has forgotten before its copy came", () => {
  it("is told by the transcript, after a while of silence", async () => {
    const turn = await beginTurn("forgotten end");
    await turn.token("some");
    await client.next("token");
    loseOf(turn.conversation, '"type":"complete"');
    await turn.complete("some more");
    await world.bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`);
    const answer = () => client.view(turn.conversation).transcript.find(({ author }) => author.role === "assistant");
    await eventually(() => answer() !== undefined, { what: "the end" });
    expect(answer()).toMatchObject({ turn_id: turn.turn, message: "some more", status: "complete" });
  });
});

describe("an event behind a hole, which the stream has forgotten before it could be read", () => {
  it("holds nobody up: what comes after it is shown", async () => {
    const turn = await beginTurn("forgotten hole");
    const isOf = ({ subject, data }: StoredMessage, text: string): boolean =>
      subject.includes(`.${turn.conversation}.`) && Buffer.from(data).toString().includes(text);
    let passHeld: (() => void) | undefined;
    losses.push((message, pass) => {
      if (isOf(message, "held")) passHeld = pass;
      return isOf(message, "held") || isOf(message, "missing");
    });
    const common = { conversation_id: turn.conversation, turn_id: turn.turn, ts: 1, call_id: "k" } as const;
    // Nothing follows on this subject.
    for (const message of ["first", "missing", "held"])
      await turn.append({ type: "tool_call_progress", ...common, message }, "toolp.k");
    await client.next("tool_call_progress");
    await eventually(() => passHeld !== undefined, { what: "the copy that is held" });
    await world.bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`);
    passHeld?.();
    await turn.complete("all of it");
    const shown = () => client.view(turn.conversation).transcript.find(({ author }) => author.role === "assistant");
    await eventually(() => shown() !== undefined, { what: "the end" });
    expect(shown()).toMatchObject({ turn_id: turn.turn, message: "all of it" });
  });
});

describe("a message that the broker passes on after later ones", () => {
  it("is seen by all in a snapshot", async () => {
    const turn = await beginTurn("overtaken");
    const onlooker = await world.connect(edge);
    onlooker.send({ type: "subscribe", conversation_id: turn.conversation });
    await onlooker.next("snapshot");
    let passLate: (() => void) | undefined;
    losses.push(({ subject, data }, pass) => {
      const isLate = subject.includes(`.${turn.conversation}.`) && Buffer.from(data).toString().includes("waits");
      if (isLate) passLate = pass;
      return isLate;
    });
    client.send({ type: "message", id: "waits", message: "waits", conversation_id: turn.conversation });
    const waiting = await client.next("accepted");
    await turn.token("later ");
    await onlooker.next("token");
    passLate?.();
    await turn.token("than that");
    expect(await onlooker.next("snapshot")).toMatchObject({ turn_id: turn.turn, text: "later than that" });
    await turn.complete("later than that");
    for (const viewer of [client, onlooker]) {
      await viewer.next("complete");
      const view = viewer.view(turn.conversation);
      expect(view.transcript.map(({ turn_id }) => turn_id)).toContain(waiting.turn_id);
      expect(shownTurn(view, turn.turn)).toMatchObject({ text: "later than that", status: "complete" });
    }
  });
});

describe("an event whose live copy was lost with the leader of the stream", () => {
  it("is seen by all although the connection held and nothing shows a hole", async () => {
    let disturbed: ((afterSeq: number) => void) | undefined;
    const isLost: Lose = ({ data }) => Buffer.from(data).toString("utf8").includes("lost with the leader");
    const clustered = await world.addEdge({
      lose: isLost,
      watchStreams: (onDisturbed) => (disturbed = (afterSeq) => onDisturbed(0, afterSeq)),
    });
    const viewer = await world.connect(clustered);
    const turn = await beginTurn("leader lost", viewer);
    const before = await turn.token("shown ");
    viewer.send({
      type: "message",
      id: "waits for the leader",
      message: "lost with the leader",
      conversation_id: turn.conversation,
    });
    const waiting = await viewer.next("accepted");
    await turn.token("too");
    await viewer.next("token");
    await viewer.next("token");
    disturbed?.(before);
    await turn.complete("shown too");
    await viewer.next("snapshot");
    const view = viewer.view(turn.conversation);
    expect(view.transcript.map(({ turn_id }) => turn_id)).toContain(waiting.turn_id);
    expect(shownTurn(view, turn.turn)).toMatchObject({ text: "shown too" });
  });
});

describe("a server that stood still, and tells of the stream what it knew then", () => {
  it("does not make anybody begin anew", async () => {
    let disturbed: ((afterSeq: number) => void) | undefined;
    let staleAnswers = 0;
    const clustered = await world.addEdge({
      staleBy: () => (staleAnswers-- > 0 ? 2 : 0),
      watchStreams: (onDisturbed) => (disturbed = (afterSeq) => onDisturbed(0, afterSeq)),
    });
    const viewer = await world.connect(clustered);
    const turn = await beginTurn("stood still", viewer);
    const [before] = [await turn.token("shown "), await turn.token("and "), await turn.token("kept")];
    for (let seen = 0; seen < 3; seen++) await viewer.next("token");
    staleAnswers = 2;
    disturbed?.(before);
    await expect.poll(() => staleAnswers).toBeLessThan(0);
    await turn.complete("shown and kept");
    await viewer.next("complete");
    expect(viewer.frames.map(({ type }) => type)).not.toContain("snapshot");
    expect(shownTurn(viewer.view(turn.conversation), turn.turn)).toMatchObject({ text: "shown and kept" });
  });
});

describe("a broker connection that breaks", () => {
  it("costs no viewer an event", async () => {
    await using proxy = await startTcpProxy({ targets: [world.nats.port] });
    const cut = await world.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}` });
    const viewers = [await world.connect(cut), await world.connect(cut)] as const;
    const turns = [await beginTurn("cut 1", viewers[0]), await beginTurn("cut 2", viewers[1])] as const;
    await Promise.all(turns.map((turn) => turn.tokens(["before ", "the cut, "])));
    await viewers[0].next("token");

    proxy.sever();
    await Promise.all(turns.map((turn) => turn.tokens(["during ", "it, "])));
    await turns[0].complete("before the cut, during it, ");
    proxy.heal();
    await viewers[0].next("complete");
    await turns[1].token("after");
    await turns[1].complete("before the cut, during it, after");
    await viewers[1].next("complete");

    expect(shownTurn(viewers[0].view(turns[0].conversation), turns[0].turn)).toMatchObject({
      text: "before the cut, during it, ",
      status: "complete",
    });
    expect(shownTurn(viewers[1].view(turns[1].conversation), turns[1].turn)).toMatchObject({
      text: "before the cut, during it, after",
      status: "complete",
    });
  });
});
