import { randomUUID } from "node:crypto";
import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openKubernetesChat, type KubernetesChat } from "../clients/kubernetes-chat.ts";

let system: System;
let chat: KubernetesChat;

beforeAll(async () => {
  system = await startSystem();
  chat = await openKubernetesChat(`ws://127.0.0.1:${system.edges[0]!.port}/ws/chat`);
});
afterAll(async () => {
  chat.disconnect();
  await system[Symbol.asyncDispose]();
});

async function answerTo(message: string, conversation_id?: string) {
  const before = chat.frames.length;
  chat.send({ message, ...(conversation_id === undefined ? {} : { conversation_id }) });
  const ends = (): number => chat.frames.findIndex(({ type }, i) => i >= before && /^(complete|error)$/.test(type));
  await expect.poll(ends, { timeout: 30_000 }).toBeGreaterThanOrEqual(before);
  expect(chat.problems).toEqual([]);
  return chat.frames.slice(before);
}

it("streams thinking, tools, text and the end, in this order, each with every documented field", async () => {
  const id = randomUUID();
  const frames = await answerTo("list all pods", id);
  const types = frames.map(({ type }) => type);
  expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
    "thinking",
    "text",
    "tool_call_start",
    "tool_call_end",
    "text",
    "complete",
  ]);
  const [end] = frames.slice(-1);
  expect(end).toMatchObject({
    type: "complete",
    data: {
      message: chat.text,
      conversation_id: id,
      tool_calls: [{ tool_name: "k8s_list_pods", status: "completed" }],
    },
  });
  const others = frames.filter(({ type }) => type !== "thinking");
  expect(new Set(others.map(({ data }) => ("conversation_id" in data ? data.conversation_id : undefined)))).toEqual(
    new Set([id]),
  );
});

it("goes on in a conversation that was made for it", async () => {
  const first = (await answerTo("list all pods")).at(-1);
  if (first?.type !== "complete") throw new Error(`it ended with ${JSON.stringify(first)}`);
  const again = (await answerTo("What did I ask first?", first.data.conversation_id)).at(-1);
  expect(again).toMatchObject({ type: "complete", data: { message: expect.stringContaining("list all pods") } });
});

it("answers an empty message with an error, and stays open", async () => {
  const error = { error: expect.any(String), code: "EMPTY_MESSAGE" };
  expect(await answerTo("")).toEqual([{ type: "error", data: error }]);
  expect(chat.isOpen).toBe(true);
  expect((await answerTo("hello")).at(-1)).toMatchObject({ type: "complete" });
});
