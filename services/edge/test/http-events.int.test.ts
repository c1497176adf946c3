import { connect } from "node:net";
import { createView, foldFrame, type ServerFrame } from "@parley/protocol";
import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createWorld, metricOf, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, isEventFrame, openStream, type SentEvent } from "./support/http-client.ts";
import { createCopyRoute } from "./support/late-copies.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

function body(conversation: string, key: string) {
  return {
    body: { message: `question ${key}`, conversation_id: conversation },
    headers: { "idempotency-key": key },
  };
}

/** A stream whose turn is in the hands of the test. */
async function begin(conversation: string, key = "k1", on = edge) {
  const stream = await openStream(on, body(conversation, key));
  const accepted = await stream.next();
  if (accepted?.frame.type !== "accepted") throw new Error(`not accepted: ${JSON.stringify(accepted)}`);
  return { stream, accepted, turn: world.worker.take(conversation, accepted.frame.turn_id) };
}

function textOf(conversation: string, turn: string, events: readonly SentEvent[]): string | undefined {
  let view = createView(conversation);
  for (const { frame } of events) {
    if (isEventFrame(frame) || frame.type === "snapshot") view = foldFrame(view, frame);
  }
  return shownTurn(view, turn)?.text;
}

function types(events: readonly { frame: ServerFrame }[]): string[] {
  return events.map(({ frame }) => frame.type);
}

describe("POST /api/v1/chat with Accept: text/event-stream", () => {
  it("streams accepted, then the events with their cursors, and ends with the turn", async () => {
    const { stream, turn } = await begin("c_flow");
    expect(stream.headers.get("content-type")).toContain("text/event-stream");
    await turn.tokens(["a", "b\n", "c"]);
    await turn.complete("ab\nc");
    const events = await stream.rest();
    expect(types(events)).toEqual(["message", "token", "token", "token", "complete"]);
    for (const { id, event, frame } of events) {
      expect(event).toBe(frame.type);
      expect("seq" in frame && String(frame.seq)).toBe(id);
    }
    expect(textOf("c_flow", turn.turn, events)).toBe("ab\nc");
  });

  it("goes on after the event that the client has, on any edge, and on to the end", async () => {
    const { stream, turn } = await begin("c_resume");
    // So many that nothing else than this answer can have been overtaken by the last of them.
    const shown = Array.from({ length: deliveryLimits.overtakingEvents }, (_, i) => `word${i} `);
    await turn.tokens(shown);
    const had = [(await stream.next())!];
    for (const _ of shown) had.push((await stream.next())!);
    stream.close();
    await turn.token("three");
    const other = await world.addEdge();
    const options = body("c_resume", "k1");
    const again = await openStream(other, {
      ...options,
      headers: { ...options.headers, "last-event-id": had.at(-1)!.id! },
    });
    expect((await again.next())?.frame).toMatchObject({ type: "subscribed", mode: "replay" });
    const whole = `${shown.join("")}three`;
    await turn.complete(whole);
    const rest = await again.rest();
    expect(types(rest)).toEqual(["token", "complete"]);
    expect(textOf("c_resume", turn.turn, [...had, ...rest])).toBe(whole);
    const complete = await openStream(other, {
      ...options,
      headers: { ...options.headers, "last-event-id": rest.at(-1)!.id! },
    });
    expect(complete.status).toBe(204);
  });

  it("tells the end also to who has a later event but not the end, whose copy came late", async () => {
    const route = createCopyRoute();
    const slow = await world.addEdge({ lose: route.lose });
    const { stream, turn } = await begin("c_overtaken", "k1", slow);
    await stream.next();
    const end = route.hold("c_overtaken", '"type":"complete"');
    await turn.complete("over");
    const { headers } = body("c_overtaken", "k2");
    const next = await openStream(slow, { ...body("c_overtaken", "k2"), headers });
    const later = await stream.next();
    expect(later?.frame).toMatchObject({ type: "message", message: "question k2" });
    stream.close();
    await end.arrived();
    const options = body("c_overtaken", "k1");
    const again = await openStream(edge, { ...options, headers: { ...options.headers, "last-event-id": later!.id! } });
    expect((await again.rest()).at(-1)?.frame).toMatchObject({ type: "complete", response: "over" });
    next.close();
  });

  it("tells the end also to who comes back with a cursor that cannot be continued", async () => {
    const { stream, turn } = await begin("c_late");
    await turn.complete("over");
    await stream.rest();
    const options = body("c_late", "k1");
    const again = await openStream(edge, { ...options, headers: { ...options.headers, "last-event-id": "1" } });
    const events = await again.rest();
    expect(types(events)).toEqual(["subscribed", "snapshot", "complete"]);
    // Cut before the end, it must ask with the cursor that it has.
    expect(events.map(({ id }) => id !== undefined)).toEqual([false, false, true]);
    expect(events.at(-1)?.frame).toMatchObject({ response: "over" });
  });

  it("does not know a turn that never was", async () => {
    await world.bus.owners.claim("c_never", "ann");
    const options = body("c_never", "k1");
    const { status, body: answer } = await ask(edge, "POST", "/api/v1/chat", {
      ...options,
      headers: { ...options.headers, accept: "text/event-stream", "last-event-id": "1" },
    });
    expect([status, answer.code]).toEqual([404, "NOT_FOUND"]);
  });

  it("answers what is refused with its status, not with a stream", async () => {
    const { status, body: answer } = await ask(edge, "POST", "/api/v1/chat", {
      body: { message: " " },
      headers: { accept: "text/event-stream" },
    });
    expect([status, answer.code]).toEqual([400, "EMPTY_MESSAGE"]);
  });

  it("brings a large answer whole, in pieces", async () => {
    const { stream, turn } = await begin("c_large");
    const large = "x".repeat(120 * 1024);
    await turn.token(large);
    await turn.complete(large);
    expect(textOf("c_large", turn.turn, await stream.rest())).toBe(large);
  });

  it("catches a reader that was slow up with a snapshot, and nobody else notices", async () => {
    const { stream: quick, turn } = await begin("c_slow-reader", "k1");
    const socket = connect({ host: "127.0.0.1", port: edge.port });
    const token = await tokenOf("ann");
    const text = JSON.stringify(body("c_slow-reader", "k1").body);
    const head = [
      "POST /api/v1/chat HTTP/1.1",
      "host: localhost",
      `authorization: Bearer ${token}`,
      "content-type: application/json",
      "accept: text/event-stream",
      "idempotency-key: k1",
      `content-length: ${Buffer.byteLength(text)}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
    let received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString("utf8")));
    await eventually(() => received.includes("event: message"), { what: "the slow reader's first event" });
    socket.pause();
    const before = await metricOf(edge, "parley_edge_lagged_total");
    const piece = "y".repeat(60 * 1024);
    let count = 0;
    while ((await metricOf(edge, "parley_edge_lagged_total")) === before && count < 400) {
      await turn.token(piece);
      await quick.next();
      count++;
    }
    expect(await metricOf(edge, "parley_edge_lagged_total")).toBe(before + 1);
    // More than is worth sending one by one.
    await turn.token(piece);
    await turn.append({
      type: "turn_restarted",
      conversation_id: "c_slow-reader",
      turn_id: turn.turn,
      ts: 1,
      attempt: 2,
      n: 0,
      text: "short again",
    });
    socket.resume();
    await eventually(() => received.includes("event: snapshot"), { what: "a snapshot" });
    await turn.complete("short again, and over");
    await eventually(() => received.includes("event: complete"), { what: "the end" });
    expect(received).toContain("short again, and over");
    socket.destroy();
    quick.close();
  });

  it("asks its readers to come back when the process shuts down", async () => {
    const leaving = await world.addEdge();
    const { stream } = await begin("c_leaving-stream", "k1", leaving);
    const rest = stream.rest();
    await leaving.stop();
    expect(types(await rest)).toContain("going_away");
  });
});
