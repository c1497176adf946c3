import path from "node:path";
import { Client as LangGraphClient } from "@langchain/langgraph-sdk";
import { StreamController } from "@langchain/langgraph-sdk/stream";
import { createClient, textOf, turn, type Client } from "@parley/client";
import { createLangGraphAdapter } from "@parley/client/langgraph";
import { strict } from "@parley/client/strict";
import {
  eventually,
  startSystem,
  startTcpProxy,
  tempDir,
  type System,
  type TcpProxy,
  type TempDir,
} from "@parley/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { devToken } from "./person.ts";

let folder: TempDir;
let system: System;
let proxy: TcpProxy;
let client: Client;

beforeAll(async () => {
  folder = await tempDir();
  const env = {
    "tool-worker": { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: path.join(folder.path, "counter") },
    "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" },
  };
  system = await startSystem({ env });
  proxy = await startTcpProxy({ targets: system.edges.map(({ port }) => port) });
}, 60_000);
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  client = createClient({
    ...strict,
    url: `ws://127.0.0.1:${proxy.port}/ws/chat`,
    token: await devToken(system.edges[0]!, "anna"),
    WebSocket,
    backoff: { minMs: 20, maxMs: 50 },
  });
  await client.connect();
});
afterEach(() => client.close());

const langGraph = new LangGraphClient({ apiUrl: "http://127.0.0.1:9" });

/** A thread of the SDK over a conversation of Parley. The assignment proves that the adapter is what the SDK asks for. */
function openThread() {
  const transport = createLangGraphAdapter({ client });
  const thread = langGraph.threads.stream(crypto.randomUUID(), { assistantId: "auto", transport });
  const start = (content: string) => thread.run.start({ input: { messages: [{ type: "human", content }] } });
  return { transport, thread, start, [Symbol.asyncDispose]: () => thread.close() };
}

/** What the state says, message by message. */
async function stateOf(transport: ReturnType<typeof openThread>["transport"]): Promise<string[]> {
  const state: { values: { messages: { type: string; content: unknown }[] } } | null = await transport.getState();
  return (state?.values.messages ?? []).map(({ type, content }) => `${type}: ${JSON.stringify(content)}`);
}

it("streams an answer's text, and ends with the messages of the thread", async () => {
  await using one = openThread();
  const { run_id } = await one.start("Guten Tag");
  let pieces = "";
  for await (const message of one.thread.messages) for await (const piece of message.text) pieces += piece;
  const values = await one.thread.output;
  expect(pieces).toContain('You said: "Guten Tag"');
  expect(run_id).toMatch(/^[\w-]+$/);
  expect(values).toMatchObject({ messages: [{ content: "Guten Tag" }, { content: pieces, id: `${run_id}-a` }] });
  expect(one.thread.interrupted).toBe(false);
});

it("tells a tool call with its result, and the steps of the model as messages of their own", async () => {
  await using one = openThread();
  await one.start("list all pods");
  const calls = new Map<string, unknown>();
  // The SDK gives each call twice: when it begins, and when it ends.
  for await (const { name, output } of one.thread.toolCalls) calls.set(name, await output);
  expect([...calls]).toEqual([["k8s_list_pods", expect.stringContaining("simulated")]]);
  const kinds = (await stateOf(one.transport)).map((line) => line.split(":")[0]);
  expect(kinds).toEqual(["human", "ai", "tool", "ai"]);
});

it.each([
  ["agreed to", { approved: true }, "Changed: 42"],
  ["refused", { decisions: [{ type: "reject", message: "not today" }] }, "not today"],
])("asks a person by an interrupt: %s", async (_, response, result) => {
  await using one = openThread();
  await one.start("change the counter to 42");
  const lifecycle = await one.thread.subscribe({ channels: ["lifecycle", "input"] });
  await eventually(() => one.thread.interrupted && one.thread.interrupts.length === 1, {
    what: "the interrupt",
    timeoutMs: 20_000,
  });
  const [question] = one.thread.interrupts;
  expect(question?.payload).toMatchObject({ tool_name: "demo_change", summary: expect.any(String) });
  expect(await one.transport.getState()).toMatchObject({ tasks: [{ interrupts: [{ id: question?.interruptId }] }] });
  const answer = { namespace: [], interrupt_id: question?.interruptId ?? "", response };
  await expect(one.thread.input.respond({ ...answer, interrupt_id: "none" })).rejects.toMatchObject({
    code: "no_such_interrupt",
  });
  await one.thread.input.respond(answer);
  await eventually(async () => (await stateOf(one.transport)).some((line) => line.includes(result)), {
    what: "the result",
    timeoutMs: 20_000,
  });
  const seen: unknown[] = [];
  for await (const { method, params } of lifecycle) {
    seen.push(method === "lifecycle" ? params.data.event : method);
    if (seen.at(-1) === "completed") break;
  }
  expect(seen).toEqual(["started", "input.requested", "interrupted", "running", "input.answered", "completed"]);
});

it("loses and repeats nothing of an answer whose connection is cut several times", async () => {
  await using one = openThread();
  await one.start("a long one\n/sim tokens=60 rate=30");
  let pieces = "";
  let cuts = 0;
  for await (const message of one.thread.messages) {
    for await (const piece of message.text) {
      pieces += piece;
      if (pieces.length < (cuts + 1) * 60 || cuts === 3) continue;
      cuts++;
      proxy.sever();
      proxy.heal();
    }
  }
  expect(cuts).toBe(3);
  expect(await one.thread.output).toMatchObject({ messages: [{}, { content: pieces }] });
});

it("shows a thread that runs to who comes later, from its beginning", async () => {
  await using one = openThread();
  await one.start("a long one\n/sim tokens=60 rate=30");
  const transport = createLangGraphAdapter({ client, threadId: one.thread.threadId });
  const [first] = await takeText(langGraph.threads.stream(one.thread.threadId, { assistantId: "auto", transport }));
  expect(await one.thread.output).toMatchObject({ messages: [{}, { content: first }] });
});

async function takeText({ messages, close }: ReturnType<typeof openThread>["thread"]): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of messages) texts.push(await message.text);
  void close;
  return texts;
}

it("stops a run, which the SDK sees as interrupted", async () => {
  await using one = openThread();
  const { run_id } = await one.start("a long one\n/sim tokens=2000 rate=50");
  for await (const message of one.thread.messages) {
    for await (const _ of message.text) {
      one.transport.cancel(run_id);
      break;
    }
  }
  await one.thread.output;
  expect(one.thread.interrupted).toBe(true);
  expect(one.thread.interrupts).toEqual([]);
});

/** What its hooks show of a thread. */
function openController(threadId: string | null = null) {
  const transport = createLangGraphAdapter({ client, ...(threadId === null ? {} : { threadId }) });
  const ours = new LangGraphClient({ apiUrl: "http://127.0.0.1:9" });
  ours.runs.cancel = async (_thread, run) => transport.cancel(run);
  const controller = new StreamController({ client: ours, assistantId: "auto", threadId, transport });
  const shown = () => {
    const { messages, interrupts, isLoading, error } = controller.rootStore.getSnapshot();
    const said = messages.map((message) => `${message.type}: ${message.text}`);
    return { said, interrupts: interrupts.length, isLoading, error };
  };
  const submit = (content: string) => controller.submit({ messages: [{ type: "human", content }] });
  const until = (what: string, isSo: () => boolean) => eventually(isSo, { what, timeoutMs: 20_000 });
  return { controller, transport, shown, submit, until, [Symbol.asyncDispose]: () => controller.dispose() };
}

it("is what the hooks of the SDK work with: runs, questions, stopping", { timeout: 60_000 }, async () => {
  await using one = openController();
  await one.submit("Guten Tag");
  expect(one.shown()).toMatchObject({ isLoading: false, error: undefined, interrupts: 0 });
  expect(one.shown().said).toEqual(["human: Guten Tag", expect.stringContaining("ai: I am a simulated model")]);
  await one.submit("change the counter to 42");
  expect(one.shown()).toMatchObject({ interrupts: 1, isLoading: false });
  await one.controller.respond({ approved: true });
  await one.until("the result", () => one.shown().said.some((line) => line.startsWith("tool: Changed: 42")));
  await one.until("the end", () => !one.shown().isLoading);
  expect(one.shown()).toMatchObject({ interrupts: 0, error: undefined });
  const before = one.shown().said.length;
  const long = one.submit("a long one\n/sim tokens=2000 rate=50");
  await one.until("some text", () => (one.shown().said[before + 1] ?? "").length > 20);
  await one.controller.stop();
  await long;
  const chat = client.conversation(one.transport.threadId);
  await one.until("the end", () => chat.view.turns.every(({ outcome }) => outcome !== undefined));
  expect(chat.view.turns.at(-1)?.status).toBe("cancelled");
});

it("is what the hooks of the SDK open a thread with that exists, also while it runs", { timeout: 60_000 }, async () => {
  const chat = client.conversation();
  await chat.untilEnd((await chat.send("Guten Tag")).turn_id);
  const { turn_id } = await chat.send("a long one\n/sim tokens=60 rate=30");
  await eventually(() => (turn(chat.view, turn_id)?.parts.length ?? 0) > 0, { what: "some text", timeoutMs: 20_000 });
  await using one = openController(chat.id);
  await one.controller.hydrate(chat.id);
  await chat.untilEnd(turn_id);
  const text = textOf(turn(chat.view, turn_id) ?? []);
  await one.until("the answer", () => one.shown().said.at(-1) === `ai: ${text}`);
  expect(one.shown().said).toHaveLength(4);
});

it("takes a second run of a thread, and the stream tells it from the first", async () => {
  await using one = openThread();
  const first = await one.start("one\n/sim tokens=2");
  const events = await one.thread.subscribe({ channels: ["lifecycle", "values"] });
  const read = async (): Promise<unknown> => {
    let last: unknown;
    for await (const { method, params } of events) if (method === "values") last = params.data;
    return last;
  };
  expect(await read()).toMatchObject({ messages: [{}, { id: `${first.run_id}-a` }] });
  const second = await one.start("two\n/sim tokens=2");
  expect(await read()).toMatchObject({
    messages: [{}, {}, { content: "two\n/sim tokens=2" }, { id: `${second.run_id}-a` }],
  });
});

it.each([
  ["nothing to say", { messages: [] }, "invalid_argument"],
  ["a picture", { messages: [{ type: "human", content: [{ type: "image", url: "http://x" }] }] }, "invalid_argument"],
  ["an answer of its own", { messages: [{ type: "ai", content: "hm" }] }, "invalid_argument"],
])("refuses a run with %s, in the words of the protocol", async (_, input, code) => {
  await using one = openThread();
  await expect(one.thread.run.start({ input })).rejects.toMatchObject({ code });
});
