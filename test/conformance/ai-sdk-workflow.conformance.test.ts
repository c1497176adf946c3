import { startTcpProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectWhole, ofType, openChat, randomCuts, type ChatOptions, type Standing } from "./ai-sdk-chat.ts";
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

  test("progress: says what is done before there is text, where chunks have no numbers", async () => {
    const { parts } = await (await open({ plain: true })).do("send", { text: asks.numbered(3) });
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

  /** The chunks from which it went on by itself. */
  const indexes = ({ requests }: Standing): number[] =>
    requests.flatMap(({ address, status }) => {
      const [, index] = /startIndex=(-?\d+)$/.exec(address) ?? [];
      return status === 200 && index !== undefined ? [Number(index)] : [];
    });

  test("resume: an answer that is cut anywhere goes on by itself behind the chunks that it has", async () => {
    for (let times = 0; times < 3; times++) {
      const cuts = randomCuts();
      const chat = await open({ url: world.proxyUrl, patient: true });
      const sending = chat.begin("send", { text: asks.numbered(100, 40), marks: cuts });
      for (const cutAt of cuts) {
        await sending.shown(cutAt);
        world.proxy.sever();
        world.proxy.heal();
      }
      const standing = await sending.done;
      expectWhole(standing, numberedWords(100));
      expect(indexes(standing), `cut at ${cuts.join("and ")}`).toEqual([expect.any(Number), expect.any(Number)]);
      expect(indexes(standing).every((index) => index > 3)).toBe(true);
    }
  });

  test("resume: an edge is killed in mid-answer, and another one goes on", async () => {
    const [first, second] = world.edges;
    await using proxy = await startTcpProxy({ targets: [first.port, second.port] });
    const chat = await open({ url: `http://127.0.0.1:${proxy.port}`, patient: true });
    const sending = chat.begin("send", { text: asks.numbered(60, 30), marks: ["w12 "] });
    await sending.shown("w12 ");
    await second.kill("SIGKILL");
    const standing = await sending.done;
    expectWhole(standing, numberedWords(60));
    expect(indexes(standing)).toHaveLength(1);
    await second.restart();
  });

  test("resume: what was decided goes on by itself, also when it is cut behind the decision", async () => {
    const chat = await open({ url: world.proxyUrl, patient: true });
    await chat.do("send", { text: asks.approval });
    const approving = chat.begin("approve", { approved: true, marks: ["approval-responded"] });
    await approving.shown("approval-responded");
    world.proxy.sever();
    world.proxy.heal();
    const { parts, status, messages } = await approving.done;
    expect({ status, count: messages.length }).toEqual({ status: "ready", count: 2 });
    expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-available" }]);
    expect(parts.at(-1)).toMatchObject({ type: "text", state: "done" });
  });

  test("resume: a page that is loaded again can have the last chunks alone", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(300, 30), marks: ["w30 "] });
    await sending.shown("w30 ");
    const reloaded = await open({ chat: chat.id, startIndex: -1 });
    const { text, requests } = await reloaded.do("resume");
    expect(requests).toMatchObject([{ status: 200, tail: expect.stringMatching(/^\d+$/) }]);
    // What belongs to a part that began before is dropped by the transport.
    expect(text).toBe("");
    expectWhole(await sending.done, numberedWords(300));
  });

  test("resume: where chunks have no numbers a cut answer is an error with a sentence, and is resumed whole", async () => {
    const chat = await open({ url: world.proxyUrl, plain: true, patient: true });
    const sending = chat.begin("send", { text: asks.numbered(60, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    world.proxy.sever();
    world.proxy.heal();
    expect(await sending.done).toMatchObject({ status: "error", error: expect.stringContaining("Resume") });
    expectWhole(await chat.do("resume"), numberedWords(60));
  });

  test("takeover: a worker is killed in mid-answer, and nothing is lost or repeated", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(60, 20), marks: ["w12 "] });
    await sending.shown("w12 ");
    for (const worker of world.system.agentWorkers) await worker.restart();
    expectWhole(await sending.done, numberedWords(60));
  });

  test("takeover: a worker is killed while the connection is away, and the answer goes on behind what was had", async () => {
    const chat = await open({ url: world.proxyUrl, patient: true });
    const sending = chat.begin("send", { text: asks.numbered(60, 20), marks: ["w12 "] });
    await sending.shown("w12 ");
    world.proxy.sever();
    for (const worker of world.system.agentWorkers) await worker.restart();
    world.proxy.heal();
    expectWhole(await sending.done, numberedWords(60));
  });
});
