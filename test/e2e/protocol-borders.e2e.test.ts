import { once } from "node:events";
import { createServer } from "node:http";
import { startSystem, type Service, type System, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { devToken, person } from "./person.ts";

const Frame = z.looseObject({ type: z.string() });
type Frame = z.infer<typeof Frame>;

/** A model server that streams what it was given for each request, whatever the SDK would make of it, and keeps what it was asked. */
async function startModel(answers: readonly (readonly object[])[]) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const deltas = answers[Math.min(bodies.push(body), answers.length) - 1] ?? [];
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const delta of deltas) {
        const finish_reason = "finish" in delta ? delta.finish : null;
        response.write(`data: ${JSON.stringify({ model: "m", choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
      }
      response.end("data: [DONE]\n\n");
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A socket that sends what it is told, byte for byte. */
async function rawSocket(edge: Service, user: string) {
  const token = await devToken(edge, user);
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/ws/chat?token=${token}`, "parley.v1");
  const frames: Frame[] = [];
  socket.on("message", (data: Buffer) => frames.push(Frame.parse(JSON.parse(data.toString("utf8")))));
  await once(socket, "open");
  return {
    frames,
    send: (frame: object | string) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    next: async (type: string, nth = 0): Promise<Frame> => {
      await expect
        .poll(() => frames.filter((frame) => frame.type === type).length, { timeout: 20_000 })
        .toBeGreaterThan(nth);
      return Frame.parse(frames.filter((frame) => frame.type === type)[nth]);
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}

const smile = "\ud83d\ude00";
const arguments_ = JSON.stringify({ namespace: "a\ud83d" });
const toolCall = { index: 0, id: "x", function: { name: "k8s_list_pods", arguments: arguments_ } };
const answers = [
  [{ content: "Look \ud83d" }, { tool_calls: [toolCall] }, { finish: "tool_calls" }],
  [{ content: `a\ud83d` }, { content: `\ude00b` }, { content: smile }, { content: "c\ud83d" }, { finish: "stop" }],
];

let model: Awaited<ReturnType<typeof startModel>>;
let system: System;

beforeAll(async () => {
  model = await startModel(answers);
  system = await startSystem({ edges: 2, env: { "agent-worker": { OPENAI_BASE_URL: model.url } } });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

it("carries no half of a character from client, model and tool to viewers, transcript and the model's next request", async () => {
  const [edge] = system.edges;
  using socket = await rawSocket(edge!, "anna");
  socket.send(
    String.raw`{"type":"message","id":"m1","conversation_id":"c_halves","message":"list pods \ud83d please"}`,
  );
  const complete = await socket.next("complete");
  const whole = `Look �\n\na${smile}b${smile}c�`;
  expect(complete["response"]).toBe(whole);
  const tokens = socket.frames.flatMap(({ type, token }) => (type === "token" ? [String(token)] : []));
  expect(tokens.join("")).toBe(whole);
  for (const token of tokens) expect(token.isWellFormed()).toBe(true);
  expect(await socket.next("tool_call_start")).toMatchObject({ arguments: { namespace: "a�" } });
  const asked = model.bodies.join("\n");
  expect(asked).toContain("list pods � please");
  expect(asked).not.toMatch(/\\u[dD][89a-fA-F]/);

  const token = await devToken(edge!, "anna");
  const url = `http://127.0.0.1:${edge!.port}/api/v1/conversations/c_halves/messages`;
  const transcript = await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text();
  expect(transcript).toContain("list pods � please");
  expect(transcript).not.toMatch(/\\u[dD][89a-fA-F]/);
});

it("refuses another text under a used id on any edge, while the first runs and after it has ended", async () => {
  using here = await rawSocket(system.edges[0]!, "anna");
  using there = await rawSocket(system.edges[1]!, "anna");
  const message = { type: "message", id: "m1", conversation_id: "c_ids", message: "first" };
  here.send(message);
  there.send({ ...message, message: "second" });
  // Whichever edge was first.
  await expect.poll(() => here.frames.length > 0 && there.frames.length > 0).toBe(true);
  const errors = async () => [...here.frames, ...there.frames].filter(({ type }) => type === "error");
  await expect.poll(async () => (await errors()).length).toBe(1);
  const refused = { code: "CONFLICT", retryable: false, frame: "message", id: "m1", conversation_id: "c_ids" };
  expect(await errors()).toMatchObject([refused]);
  const [winner, loser] = here.frames.some(({ type }) => type === "error") ? [there, here] : [here, there];
  await winner.next("complete");
  loser.send({ ...message, message: winner === here ? "second" : "first" });
  expect(await loser.next("error", 1)).toMatchObject(refused);
  loser.send({ ...message, message: winner === here ? "first" : "second" });
  const { turn_id } = await winner.next("accepted");
  expect(await loser.next("accepted")).toMatchObject({ turn_id });
});

it("brings a viewer whose cursor is above everything to what there is, whichever client it is", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send("hello");
  const end = await chat.untilEnd(turn_id);

  using again = await person(system.edges[1]!);
  const lost = again.conversation(chat.id);
  // No frame of ours brings it so far: this is a view of another server.
  Object.assign(lost.view, { seq: 2 ** 50 });
  const subscribed = await lost.subscribe();
  expect(subscribed.mode).toBe("snapshot");
  expect(subscribed.seq).toBeLessThan(2 ** 50);
  await expect.poll(() => lost.view.transcript.map(({ message }) => message)).toEqual(["hello", end.response]);
  const next = await chat.send("go on");
  // Each of the two hears of it from an edge of its own.
  for (const viewer of [chat, lost]) expect(await viewer.untilEnd(next.turn_id)).toMatchObject({ type: "complete" });
  expect(shownTurn(lost.view, next.turn_id)?.text).toBe(shownTurn(chat.view, next.turn_id)?.text);

  using raw = await rawSocket(system.edges[1]!, "anna");
  raw.send({ type: "subscribe", conversation_id: chat.id, after: 2 ** 50 });
  const { seq } = await raw.next("subscribed");
  expect((await raw.next("snapshot"))["seq"]).toBeGreaterThan(Number(seq));
});

it("goes on with a stream of events from a cursor that is above everything", async () => {
  const [edge] = system.edges;
  const headers = {
    authorization: `Bearer ${await devToken(edge!, "anna")}`,
    "content-type": "application/json",
    "idempotency-key": "k1",
    accept: "text/event-stream",
  };
  const body = JSON.stringify({ message: "hello", conversation_id: "c_stream" });
  const post = async (more: object = {}) =>
    fetch(`http://127.0.0.1:${edge!.port}/api/v1/chat`, { method: "POST", headers: { ...headers, ...more }, body });
  expect(await (await post()).text()).toContain("event: complete");
  const resumed = await post({ "last-event-id": String(2 ** 50) });
  expect(resumed.status).toBe(200);
  const events = [...(await resumed.text()).matchAll(/^(?:id: (\d+)\n)?event: (\w+)/gm)];
  expect(events.map(([, , type]) => type)).toEqual(["subscribed", "snapshot", "complete"]);
  // What is no cursor to resume from has none.
  for (const [, id = "0"] of events) expect(Number(id)).toBeLessThan(2 ** 50);
});
