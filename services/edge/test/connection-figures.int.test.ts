import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { openStream, request } from "./support/http-client.ts";
import { seriesOf } from "./support/series.ts";
import { connectClient } from "./support/test-client.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const durations = "parley_edge_connection_duration_seconds";
const closes = "parley_edge_closes_total";
const errors = "parley_edge_errors_total";

/** How the connections of the edge ended, when there are none left. */
async function endsOf(edge: EdgeUnderTest): Promise<Record<string, number>> {
  await eventually(async () => (await metricOf(edge, "parley_edge_sockets")) === 0, { what: "no connection" });
  return seriesOf(edge, durations);
}

function turnOf(conversation: string, message: string) {
  return eventually(
    async () => {
      const queued = await world.bus.turns.waiting(conversation);
      const mine = queued.find(({ request: asked }) => asked.message === message);
      return mine && world.worker.take(conversation, mine.request.turn_id);
    },
    { what: "the turn" },
  );
}

describe("a socket that ends counts once, as", () => {
  it("client: closed by its client, with whatever code", async () => {
    const edge = await world.addEdge();
    for (const code of [1000, 1001, 4002, 4321]) {
      const socket = new WebSocket(edge.url, ["parley.v1"]);
      await new Promise((resolve) => socket.once("open", resolve));
      socket.close(code);
    }
    expect(await endsOf(edge)).toEqual({ "websocket client": 4 });
    expect(await seriesOf(edge, closes)).toEqual({ 1000: 1, 1001: 1, other: 2 });
  });

  it("lost: its client is gone without a word", async () => {
    const edge = await world.addEdge();
    (await world.connect(edge)).terminate();
    expect(await endsOf(edge)).toEqual({ "websocket lost": 1 });
  });

  it("auth: a bad token, or none in time", async () => {
    const edge = await world.addEdge({ deadlines: { authMs: 200, anonymousMs: 200, warnMs: 0, graceMs: 0 } });
    const [bad, silent] = [await connectClient(edge.url), await connectClient(edge.url)];
    bad.send({ type: "auth", token: "none" });
    expect([await bad.closed, await silent.closed]).toEqual([4500, 4008]);
    expect(await endsOf(edge)).toEqual({ "websocket auth": 2 });
    expect(await seriesOf(edge, errors)).toEqual({ AUTH_INVALID: 1 });
    expect(await seriesOf(edge, closes)).toEqual({ 4008: 1, 4500: 1 });
  });

  it("policy: too many frames that are none", async () => {
    const edge = await world.addEdge();
    const client = await world.connect(edge);
    for (let i = 0; i < 20; i++) client.sendText("no json");
    expect(await client.closed).toBe(4501);
    expect(await endsOf(edge)).toEqual({ "websocket policy": 1 });
    expect(await seriesOf(edge, errors)).toEqual({ INVALID_FRAME: 20 });
  });

  it("error: its bytes are no text", async () => {
    const edge = await world.addEdge();
    (await world.connect(edge)).sendBytes(Uint8Array.of(0xff, 0xfe), "text");
    expect(await endsOf(edge)).toEqual({ "websocket error": 1 });
  });

  it("slow: it does not read", async () => {
    const edge = await world.addEdge({ limits: { lagMs: 100, softBytes: 1 } });
    const client = await world.connect(edge);
    client.send({ type: "message", id: "m", conversation_id: "slow", message: "much" });
    const turn = await turnOf("slow", "much");
    client.pause();
    const text = "x".repeat(100_000);
    await eventually(async () => (await turn.token(text)) > 0 && (await metricOf(edge, "parley_edge_sockets")) === 0, {
      what: "the close",
      timeoutMs: 20_000,
    });
    expect(await seriesOf(edge, durations)).toEqual({ "websocket slow": 1 });
  });

  it("going_away: this process stops", async () => {
    const edge = await world.addEdge();
    const clients = [await world.connect(edge), await world.connect(edge)];
    await edge.stop();
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([4001, 4001]);
    expect(await endsOf(edge)).toEqual({ "websocket going_away": 2 });
  });
});

describe("an HTTP request that ends counts once, as", () => {
  it("answered: with its whole answer, or all of its events", async () => {
    const edge = await world.addEdge();
    const answer = request(edge, "POST", "/api/v1/chat", { body: { message: "one", conversation_id: "http" } });
    await (await turnOf("http", "one")).complete("1");
    expect((await answer).status).toBe(200);
    const stream = await openStream(edge, { body: { message: "two", conversation_id: "http" } });
    await (await turnOf("http", "two")).complete("2");
    expect((await stream.rest()).at(-1)?.event).toBe("complete");
    expect(await endsOf(edge)).toEqual({ "request answered": 1, "events answered": 1 });
  });

  it("client: its client left before the end", async () => {
    const edge = await world.addEdge();
    const stream = await openStream(edge, { body: { message: "three", conversation_id: "left" } });
    await turnOf("left", "three");
    stream.close();
    expect(await endsOf(edge)).toEqual({ "events client": 1 });
  });

  it("error: it is refused, by its code", async () => {
    const edge = await world.addEdge();
    const refused = await request(edge, "POST", "/api/v1/chat", { body: { message: " ", conversation_id: "empty" } });
    expect(refused.status).toBe(400);
    expect(await endsOf(edge)).toEqual({ "request error": 1 });
    expect(await seriesOf(edge, errors)).toEqual({ EMPTY_MESSAGE: 1 });
  });

  it("going_away: it waited for as long as it may, and is to come back", async () => {
    const edge = await world.addEdge({ maxHttpWaitMs: 100 });
    const stream = await openStream(edge, { body: { message: "four", conversation_id: "waits" } });
    await stream.rest();
    expect(await endsOf(edge)).toEqual({ "events going_away": 1 });
  });
});
