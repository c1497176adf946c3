import { startTcpProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectWhole, ofType, openChat, randomCuts, type ChatOptions } from "./ai-sdk-chat.ts";
import { hasClients } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

/** One for all that is here: what is killed comes again. */
let world: ConformanceWorld;
beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld({ "agent-worker": { ACK_WAIT_MS: "2000" } });
}, 180_000);
afterAll(async () => {
  if (hasClients) await world[Symbol.asyncDispose]();
});

describe.skipIf(!hasClients)("AI SDK 7.0.173 (WebSocket)", () => {
  const open = (more: Partial<ChatOptions> = {}) =>
    openChat(world, { major: 7, transport: "socket", url: world.url, ...more });

  test("text: two answers on one socket are each whole and once", async () => {
    const chat = await open();
    expectWhole(await chat.do("send", { text: asks.numbered(60) }), numberedWords(60));
    const { text, messages } = await chat.do("send", { text: asks.numbered(30) });
    expect(text).toBe(numberedWords(30));
    expect(messages).toHaveLength(4);
  });

  test("text: in development nobody needs a token, and a chat goes on over either transport", async () => {
    const chat = await open({ token: "" });
    const first = await chat.do("send", { text: asks.numbered(10) });
    expectWhole(first, numberedWords(10));
    const other = await open({ token: "", transport: "http", chat: chat.id });
    const second = await other.do("send", { text: asks.numbered(5) });
    const conversations = [first, second].map(({ messages }) => messages.at(-1)?.metadata?.["conversation_id"]);
    expect(conversations[0]).toBe(conversations[1]);
  });

  test("reasoning: is a part of its own before the answer", async () => {
    const { parts } = await (await open()).do("send", { text: asks.reasoning });
    expect(ofType(parts, "reasoning")).toMatchObject([{ state: "done" }]);
  });

  test("tools: a call is a dynamic tool with its input and its output", async () => {
    const { parts } = await (await open()).do("send", { text: asks.tool });
    expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-available", toolName: "k8s_list_pods" }]);
  });

  test("parallel tools: both calls stand in one step", async () => {
    const { parts } = await (await open()).do("send", { text: asks.parallelTools });
    const shown = parts.filter(({ type }) => /^(dynamic-tool|step-start)$/.test(type)).map(({ type }) => type);
    expect(shown).toEqual(["step-start", "dynamic-tool", "dynamic-tool", "step-start"]);
  });

  test("progress: says what is done before there is text", async () => {
    const { parts } = await (await open()).do("send", { text: asks.numbered(3) });
    expect(ofType(parts, "data-progress")).toHaveLength(1);
  });

  test("usage: is metadata of the message", async () => {
    const { messages } = await (await open()).do("send", { text: asks.numbered(5) });
    expect(messages[1]?.metadata).toMatchObject({ usage: { output_tokens: expect.any(Number) } });
  });

  test("error: is told with its code and its sentence, and the socket goes on", async () => {
    const chat = await open();
    const { status, error, data } = await chat.do("send", { text: asks.error });
    expect({ status, error }).toEqual({ status: "error", error: expect.stringMatching(/^[A-Z].*\.$/) });
    expect(ofType(data, "data-error")).toHaveLength(1);
    expect((await chat.do("send", { text: asks.numbered(4) })).text).toBe(numberedWords(4));
  });

  test("text: an answer is made again, and a message is changed", async () => {
    const chat = await open();
    const first = await chat.do("send", { text: asks.numbered(3) });
    const again = await chat.do("regenerate");
    expect({ error: again.error, text: again.text }).toEqual({ error: undefined, text: numberedWords(3) });
    expect(again.messages[1]?.id).not.toBe(first.messages[1]?.id);
    const edited = await chat.do("edit", { text: asks.numbered(5), messageId: again.messages[0]?.id });
    expect({ error: edited.error, text: edited.text }).toEqual({ error: undefined, text: numberedWords(5) });
  });

  test("stop: the answer ends, and says that it was stopped", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(300, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    expect(await chat.do("stop")).toMatchObject({ stopStatus: 200 });
    const { status, data } = await sending.done;
    expect(status).toBe("ready");
    expect(ofType(data, "data-end")).toMatchObject([{ data: { code: "CANCELLED" } }]);
  });

  test("stop: an abort lets go, and what it let go of can be had again", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(60, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    await chat.do("letGo");
    expectWhole(await chat.do("resume"), numberedWords(60));
  });

  test("stop: an abort is a stop where the socket was opened so", async () => {
    const chat = await open({ cancels: true });
    const sending = chat.begin("send", { text: asks.numbered(300, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    await chat.do("letGo");
    await expect.poll(async () => ofType((await chat.do("resume")).data, "data-end").length).toBeGreaterThan(0);
  });

  test("resume: a cut socket is made anew, and the answer replayed whole", async () => {
    for (const cutAt of randomCuts()) {
      const chat = await open({ url: world.proxyUrl });
      const sending = chat.begin("send", { text: asks.numbered(100, 40), marks: [cutAt] });
      await sending.shown(cutAt);
      world.proxy.sever();
      const { status } = await sending.done;
      world.proxy.heal();
      expect(status, `cut at ${cutAt}`).toBe("error");
      expectWhole(await chat.do("resume"), numberedWords(100));
    }
  });

  test("resume: there is nothing of a chat that never was, or whose answer has come to its end", async () => {
    const chat = await open();
    expect(await chat.do("resume")).toMatchObject({ status: "ready", messages: [] });
    await chat.do("send", { text: asks.numbered(3) });
    const reloaded = await open({ chat: chat.id });
    expect(await reloaded.do("resume")).toMatchObject({ status: "ready", messages: [] });
  });

  test("approval: an agreed call runs, and the same message goes on, also on another socket", async () => {
    const chat = await open();
    const asked = await chat.do("send", { text: asks.approval });
    expect(ofType(asked.parts, "dynamic-tool")).toMatchObject([{ state: "approval-requested" }]);
    const reloaded = await open({ chat: chat.id });
    await reloaded.do("resume");
    const { parts, messages, status } = await reloaded.do("approve", { approved: true });
    expect(status).toBe("ready");
    expect(messages).toHaveLength(1);
    expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-available" }]);
    expect(parts.at(-1)).toMatchObject({ type: "text", state: "done" });
    expect((await chat.do("approve", { approved: false })).error).toMatch(/decided before/);
  });

  test("approval: a denied call does not run", async () => {
    const chat = await open();
    await chat.do("send", { text: asks.approval });
    const { parts, status } = await chat.do("approve", { approved: false, reason: "Not today." });
    expect(status).toBe("ready");
    expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-denied" }]);
  });

  test("takeover: a worker is killed in mid-answer, and nothing is lost or repeated", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(60, 20), marks: ["w12 "] });
    await sending.shown("w12 ");
    for (const worker of world.system.agentWorkers) await worker.restart();
    expectWhole(await sending.done, numberedWords(60));
  });

  test("resume: an edge is killed in mid-answer, and another one has the whole", async () => {
    const [first, second] = world.edges;
    await using proxy = await startTcpProxy({ targets: [first.port, second.port] });
    const chat = await open({ url: `http://127.0.0.1:${proxy.port}` });
    const sending = chat.begin("send", { text: asks.numbered(60, 30), marks: ["w12 "] });
    await sending.shown("w12 ");
    await second.kill("SIGKILL");
    expect((await sending.done).status).toBe("error");
    expectWhole(await chat.do("resume"), numberedWords(60));
    await second.restart();
  });
});
