import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectWhole, ofType, openChat, type ChatOptions } from "./ai-sdk-chat.ts";
import { hasClients } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

let world: ConformanceWorld;
beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld({ "agent-worker": { ACK_WAIT_MS: "2000" } });
}, 180_000);
afterAll(async () => {
  if (hasClients) await world[Symbol.asyncDispose]();
});

describe.skipIf(!hasClients)("AI SDK 7.0.173 (WorkflowChatTransport)", () => {
  const open = (more: Partial<ChatOptions> = {}) =>
    openChat(world, { major: 7, transport: "workflow", url: world.url, ...more });

  test("text: is shown whole and once", async () => {
    expectWhole(await (await open()).do("send", { text: asks.numbered(60) }), numberedWords(60));
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
    const { messages } = await (await open()).do("send", { text: asks.numbered(3) });
    expect(messages[1]?.metadata).toMatchObject({ usage: { output_tokens: expect.any(Number) } });
  });

  test("error: is told with its code and its sentence", async () => {
    const { status, error, data } = await (await open()).do("send", { text: asks.error });
    expect({ status, error }).toEqual({ status: "error", error: expect.stringMatching(/^[A-Z].*\.$/) });
    expect(ofType(data, "data-error")).toHaveLength(1);
  });

  test("stop: the answer ends, and is not asked for again", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(300, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    expect(await chat.do("stop")).toMatchObject({ stopStatus: 200 });
    const { status, data } = await sending.done;
    expect(status).toBe("ready");
    expect(ofType(data, "data-end")).toMatchObject([{ data: { code: "CANCELLED" } }]);
  });

  test("approval: an agreed call runs, and the same message goes on", async () => {
    const chat = await open();
    const asked = await chat.do("send", { text: asks.approval });
    expect(ofType(asked.parts, "dynamic-tool")).toMatchObject([{ state: "approval-requested" }]);
    const { parts, messages, status } = await chat.do("approve", { approved: true });
    expect({ status, count: messages.length }).toEqual({ status: "ready", count: 2 });
    expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-available" }]);
  });

  test("resume: a cut answer is an error with a sentence, and is resumed whole", async () => {
    const chat = await open({ url: world.proxyUrl });
    const sending = chat.begin("send", { text: asks.numbered(60, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    world.proxy.sever();
    world.proxy.heal();
    expect(await sending.done).toMatchObject({ status: "error", error: expect.stringContaining("resume") });
    expectWhole(await chat.do("resume"), numberedWords(60));
  });

  test("takeover: a worker is killed in mid-answer, and nothing is lost or repeated", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(60, 20), marks: ["w12 "] });
    await sending.shown("w12 ");
    for (const worker of world.system.agentWorkers) await worker.restart();
    expectWhole(await sending.done, numberedWords(60));
  });
});
