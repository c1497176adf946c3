import { once } from "node:events";
import type { Client } from "@parley/client";
import { TranscriptMessage, isToolCall, limits, storedParts, turn as turnIn } from "@parley/protocol";
import { eventually, startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { openKubernetesChat } from "../clients/kubernetes-chat.ts";
import { startModelStub, type ModelStub } from "./model-stub.ts";
import { devToken, person } from "./person.ts";

/** Longer than a result may be in an event, too. */
const text = `begin ${"long ".repeat(8_000)}end`;
const args = { text };
const argumentBytes = Buffer.byteLength(JSON.stringify(args));

let model: ModelStub;
let system: System;
let anna: Client;
let token: string;

beforeAll(async () => {
  model = await startModelStub(({ question, round, results }) => {
    if (!question.startsWith("repeat") || results.length > 0) return { text: `Done ${round}.` };
    return { text: "Let me see. ", calls: [{ name: "demo_echo", arguments: args }] };
  });
  const env = { OPENAI_BASE_URL: model.url, OPENAI_MODEL: "stub" };
  system = await startSystem({ env: { "agent-worker": env, "tool-worker": { DEMO_TOOLS: "1" } } });
  anna = await person(system.edges[0]!);
  token = await devToken(system.edges[0]!, "anna");
  await eventually(
    async () => {
      const chat = anna.conversation();
      await chat.untilEnd((await chat.send("hello", { agent: "general" })).turn_id);
      return model.asked.at(-1)?.hasTools === true;
    },
    { what: "tools" },
  );
});
afterAll(async () => {
  anna?.close();
  await system?.[Symbol.asyncDispose]();
  await model?.[Symbol.asyncDispose]();
});

/** What stands in the place of the arguments. */
const Referred = z.object({
  call_id: z.string(),
  arguments: z.object({ text: z.string().startsWith("begin long").endsWith("… [cut here: 40009 characters in all]") }),
  arguments_bytes: z.literal(argumentBytes),
  arguments_id: z.string(),
  result_id: z.string(),
  status: z.literal("completed"),
});

const place = (path: string): string => `http://127.0.0.1:${system.edges[0]!.port}${path}`;
const read = async (path: string, body?: object): Promise<unknown> => {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const request = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  return (await fetch(place(path), { headers, ...request })).json();
};
const Messages = z.object({ messages: z.array(TranscriptMessage) });

it("P2: a viewer that has followed a call with 40 KB of arguments has what the transcript has, and gets the whole of it over HTTP", async () => {
  const chat = anna.conversation();
  const { turn_id } = await chat.send("repeat it", { agent: "general" });
  const seen = (): unknown => turnIn(chat.view, turn_id)?.parts.find(isToolCall)?.arguments;
  await expect.poll(seen, { timeout: 20_000, interval: 5 }).toBeDefined();
  const end = await chat.untilEnd(turn_id);
  expect(end).toMatchObject({ type: "complete", response: "Let me see. \n\nDone 1." });
  const call = Referred.parse(end.tool_calls[0]);
  expect(Buffer.byteLength(JSON.stringify(call.arguments))).toBeLessThanOrEqual(limits.endedArgumentsBytes);
  const parts = turnIn(chat.view, turn_id)?.parts;
  const { messages } = Messages.parse(await read(`/api/v1/conversations/${chat.id}/messages`));
  const kept = messages.find(({ author }) => author.role === "assistant");
  expect(kept?.tool_calls).toEqual(end.tool_calls);
  expect(kept && storedParts(kept)).toEqual(parts);
  expect(await read(`/api/v1/conversations/${chat.id}/results/${call.arguments_id}`)).toMatchObject({
    ...{ tool_name: "demo_echo", arguments: args },
    result: text,
  });
  // Another viewer, which has followed nothing.
  const other = await person(system.edges[0]!);
  const late = other.conversation(chat.id);
  await late.subscribe();
  await expect.poll(() => late.view.transcript.find(({ author }) => author.role === "assistant")?.parts).toEqual(parts);
  other.close();
});

it("the model gets the whole arguments in the turn that runs, and later their beginning", async () => {
  const chat = anna.conversation();
  await chat.untilEnd((await chat.send("repeat for the model", { agent: "general" })).turn_id);
  const after = model.asked.findLast(({ question }) => question === "repeat for the model");
  expect(after?.bytes).toBeGreaterThan(argumentBytes + limits.toolResultBytes);
  await chat.untilEnd((await chat.send("and then?", { agent: "general" })).turn_id);
  const later = model.asked.findLast(({ question }) => question === "and then?");
  expect(later?.bytes).toBeGreaterThan(limits.toolResultBytes);
  expect(later?.bytes).toBeLessThan(argumentBytes + limits.toolResultBytes);
});

it("clients of seed A are told all of the arguments wherever they are told of the call", async () => {
  const chat = await openKubernetesChat(`ws://127.0.0.1:${system.edges[0]!.port}/ws/chat`);
  chat.send({ message: "repeat for A" });
  await expect.poll(() => chat.frames.at(-1)?.type, { timeout: 20_000 }).toBe("complete");
  expect(chat.problems).toEqual([]);
  const [started] = chat.frames.filter(({ type }) => type === "tool_call_start");
  const [ended] = chat.frames.filter(({ type }) => type === "tool_call_end");
  expect(started).toMatchObject({ data: { tool_name: "demo_echo", arguments: args } });
  expect(ended).toMatchObject({ data: { arguments: args, status: "completed" } });
  expect(chat.frames.at(-1)).toMatchObject({ data: { tool_calls: [{ arguments: args }] } });
  chat.disconnect();
});

it("clients of seed C are told all of them at the start of the call, and at its end what native ones are", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${system.edges[0]!.port}/ws/chat?token=${token}`);
  const frames: Record<string, unknown>[] = [];
  socket.on("message", (data: Buffer) =>
    frames.push(z.record(z.string(), z.unknown()).parse(JSON.parse(String(data)))),
  );
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "message", message: "repeat for C" }));
  await expect.poll(() => frames.at(-1)?.["type"], { timeout: 20_000 }).toBe("complete");
  expect(frames.find(({ type }) => type === "tool_call_start")).toMatchObject({ arguments: args });
  Referred.parse(frames.find(({ type }) => type === "tool_call_end"));
  socket.close();
});

it("answers over HTTP refer to them as the end of the turn does", async () => {
  const Answer = z.object({
    conversation_id: z.string(),
    tool_calls: z.tuple([Referred]),
    parts: z.array(z.unknown()),
  });
  const answer = Answer.parse(await read("/api/v1/chat", { message: "repeat over HTTP" }));
  const { messages } = Messages.parse(await read(`/api/v1/conversations/${answer.conversation_id}/messages`));
  expect(messages.at(-1)?.parts).toEqual(answer.parts);
  const seedA = z.object({
    tool_calls: z.tuple([z.object({ arguments: z.object({}).loose(), arguments_bytes: z.number() })]),
  });
  const { tool_calls } = seedA.parse(await read("/api/chat/message", { message: "repeat over HTTP as well" }));
  expect(tool_calls[0].arguments_bytes).toBe(argumentBytes);
});
