import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openKubernetesChat, type Frame, type FrameOf, type KubernetesChat } from "../../clients/kubernetes-chat.ts";
import { devToken, person } from "../person.ts";

/** What the server of seed A did wrong, each as what is right. */

let system: System;
let url: string;

beforeAll(async () => {
  system = await startSystem({ env: { "tool-worker": { DEMO_TOOLS: "1" } } });
  url = `ws://127.0.0.1:${system.edges[0]!.port}/ws/chat`;
});
afterAll(() => system[Symbol.asyncDispose]());

function isEnd(frame: Frame): frame is FrameOf<"complete"> | FrameOf<"error"> {
  return frame.type === "complete" || frame.type === "error";
}

async function endOf(chat: KubernetesChat): Promise<FrameOf<"complete"> | FrameOf<"error">> {
  await expect.poll(() => chat.frames.some(isEnd), { timeout: 30_000 }).toBe(true);
  expect(chat.problems).toEqual([]);
  return chat.frames.find(isEnd)!;
}

/** All frames of the answer to one message, on a connection of its own. */
async function ask(message: string): Promise<readonly Frame[]> {
  const chat = await openKubernetesChat(url);
  chat.send({ message });
  await endOf(chat);
  chat.disconnect();
  return chat.frames;
}

function ofType<Type extends Frame["type"]>(frames: readonly Frame[], type: Type): FrameOf<Type>[] {
  return frames.filter((frame): frame is FrameOf<Type> => frame.type === type);
}

it("one user's answer does not block another's", async () => {
  const slow = await openKubernetesChat(url);
  slow.send({ message: "hello\n/sim tokens=400 rate=20" });
  await expect.poll(() => slow.text.length).toBeGreaterThan(0);
  expect((await ask("hello\n/sim tokens=5 rate=0")).at(-1)?.type).toBe("complete");
  expect(slow.frames.some(isEnd)).toBe(false);
  slow.disconnect();
});

it("one user's tool does not block another's answer", async () => {
  const slow = await openKubernetesChat(url);
  slow.send({ message: 'call the tool demo_sleep with {"ms": 8000}' });
  await expect.poll(() => ofType(slow.frames, "tool_call_start").length).toBe(1);
  expect((await ask("hello\n/sim tokens=5 rate=0")).at(-1)?.type).toBe("complete");
  expect(ofType(slow.frames, "tool_call_end")).toEqual([]);
  slow.disconnect();
});

it("failed tools say so", async () => {
  const frames = await ask('Tell me a joke: call the tool demo_fail with {"message": "No joke today."}');
  expect(ofType(frames, "tool_call_end")).toMatchObject([{ data: { status: "failed", result: "No joke today." } }]);
  expect(ofType(frames, "complete")).toMatchObject([{ data: { tool_calls: [{ status: "failed" }] } }]);
});

it("the end has the whole message and the tool calls", async () => {
  const frames = await ask("list all pods");
  const [end] = ofType(frames, "complete");
  const text = ofType(frames, "text").map(({ data }) => data.text);
  expect(end?.data.message).toBe(text.join(""));
  expect(end?.data.tool_calls).toHaveLength(ofType(frames, "tool_call_end").length);
});

it("two calls of the same tool can be told apart, and run side by side", async () => {
  const wait = 'call the tool demo_sleep with {"ms": 1500}';
  const frames = await ask(`${wait} and ${wait}`);
  const types = frames.map(({ type }) => type).filter((type) => type.startsWith("tool"));
  expect(types).toEqual(["tool_call_start", "tool_call_start", "tool_call_end", "tool_call_end"]);
  const ids = ofType(frames, "tool_call_end").map(({ data }) => data.call_id);
  expect(new Set(ids).size).toBe(2);
});

async function openAs(user: string): Promise<KubernetesChat> {
  return openKubernetesChat(`${url}?token=${await devToken(system.edges[0]!, user)}`);
}

it("a tool that takes too long can be cancelled, and everything gets an end", async () => {
  const chat = await openAs("ann");
  chat.send({ message: 'call the tool demo_sleep with {"ms": 60000}', conversation_id: "cancelled" });
  await expect.poll(() => ofType(chat.frames, "tool_call_start").length, { timeout: 20_000 }).toBe(1);
  using phone = await person(system.edges[0]!, "ann");
  phone.conversation("cancelled").cancel();
  expect(await endOf(chat)).toMatchObject({ type: "complete", data: { tool_calls: [{ status: "failed" }] } });
  expect(ofType(chat.frames, "tool_call_end")).toMatchObject([{ data: { status: "failed" } }]);
  chat.disconnect();
});

describe("a conversation", () => {
  it("cannot be read or added to by others, whoever knows its id", async () => {
    const [ann, bert] = [await openAs("ann"), await openAs("bert")];
    ann.send({ message: "my secret is a blue whale", conversation_id: "known-to-all" });
    await expect.poll(() => ann.frames.some(isEnd), { timeout: 30_000 }).toBe(true);
    bert.send({ message: "What was the first thing I asked?", conversation_id: "known-to-all" });
    await expect.poll(() => bert.frames.some(isEnd), { timeout: 30_000 }).toBe(true);
    expect(bert.frames.find(isEnd)).toMatchObject({ type: "error", data: { code: "FORBIDDEN" } });
    expect(JSON.stringify(bert.frames)).not.toContain("whale");
    for (const chat of [ann, bert]) chat.disconnect();
  });

  it("does not end with the connection that began it", async () => {
    const first = await openAs("ann");
    first.send({ message: "Remember the number seventeen.", conversation_id: "continued" });
    await expect.poll(() => first.frames.some(isEnd), { timeout: 30_000 }).toBe(true);
    first.disconnect();
    const second = await openAs("ann");
    second.send({ message: "What was the first thing I asked?", conversation_id: "continued" });
    await expect.poll(() => second.frames.some(isEnd), { timeout: 30_000 }).toBe(true);
    expect(second.text).toContain("seventeen");
    second.disconnect();
  });
});
