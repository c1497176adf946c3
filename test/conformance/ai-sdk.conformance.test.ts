import { startTcpProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { expectWhole, ofType, openChat, randomCuts, type ChatOptions } from "./ai-sdk-chat.ts";
import { pngOf } from "../e2e/stored-file.ts";
import { hasClients } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Refusal = z.object({ error: z.string().min(10), code: z.string(), retryable: z.boolean() });

const majors = [
  ["5.0.277", 5],
  ["6.0.326", 6],
  ["7.0.173", 7],
] as const;

/** One for all that is here: what is killed comes again. */
let world: ConformanceWorld;
beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld({ "agent-worker": { ACK_WAIT_MS: "2000" } });
}, 180_000);
afterAll(async () => {
  if (hasClients) await world[Symbol.asyncDispose]();
});

describe.skipIf(!hasClients).each(majors)("AI SDK %s (SSE)", (_version, major) => {
  const open = (more: Partial<ChatOptions> = {}) => openChat(world, { major, url: world.url, ...more });

  test("text: is shown whole and once", async () => {
    const chat = await open();
    const standing = await chat.do("send", { text: asks.numbered(60) });
    expectWhole(standing, numberedWords(60));
    const [{ run } = { run: null }] = standing.requests;
    expect(standing.messages[1]?.id).toBe(`${run?.split(".")[2]}-a`);
  });

  test("text: the same message sent twice is one turn", async () => {
    const chat = await open();
    const first = await chat.do("send", { text: asks.numbered(5), id: "the-same" });
    const again = await open({ chat: chat.id });
    const second = await again.do("send", { text: asks.numbered(5), id: "the-same" });
    expectWhole(second, numberedWords(5));
    expect(second.messages[1]?.id).toBe(first.messages[1]?.id);
  });

  test("reasoning: is a part of its own before the answer", async () => {
    const { parts, text } = await (await open()).do("send", { text: asks.reasoning });
    expect(ofType(parts, "reasoning")).toMatchObject([{ state: "done" }]);
    expect(text).toBe(numberedWords(8));
  });

  test("tools: a call is a dynamic tool with its input and its output, and a step", async () => {
    const { parts, status } = await (await open()).do("send", { text: asks.tool });
    expect(status).toBe("ready");
    expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-available", toolName: "k8s_list_pods" }]);
    expect(ofType(parts, "step-start")).toHaveLength(2);
    expect(parts.at(-1)).toMatchObject({ type: "text", state: "done" });
  });

  test("parallel tools: both calls stand in one step", async () => {
    const { parts } = await (await open()).do("send", { text: asks.parallelTools });
    const shown = parts.filter(({ type }) => /^(dynamic-tool|step-start)$/.test(type)).map(({ type }) => type);
    expect(shown).toEqual(["step-start", "dynamic-tool", "dynamic-tool", "step-start"]);
    expect(ofType(parts, "dynamic-tool").every(({ state }) => state === "output-available")).toBe(true);
  });

  test("progress: says what is done before there is text, in one part", async () => {
    const { parts, data } = await (await open()).do("send", { text: asks.numbered(3) });
    expect(ofType(parts, "data-progress").length).toBe(1);
    expect(data.some(({ type }) => type === "data-progress")).toBe(true);
  });

  test("usage: is metadata of the message", async () => {
    const { messages } = await (await open()).do("send", { text: asks.numbered(5) });
    const usage = { input_tokens: expect.any(Number), output_tokens: expect.any(Number) };
    expect(messages[1]?.metadata).toMatchObject({
      usage,
      conversation_id: expect.any(String),
      model: expect.any(String),
    });
  });

  test("text: an answer is made again, a message is changed, and the page that loads anew has the newest branch", async () => {
    const chat = await open();
    const first = await chat.do("send", { text: asks.numbered(3) });
    const again = await chat.do("regenerate");
    expect({ error: again.error, text: again.text }).toEqual({ error: undefined, text: numberedWords(3) });
    expect(again.messages).toHaveLength(2);
    expect(again.messages[1]?.id).not.toBe(first.messages[1]?.id);
    const messageId = again.messages[0]?.id;
    const edited = await chat.do("edit", { text: asks.numbered(5), messageId });
    expect({ error: edited.error, text: edited.text }).toEqual({ error: undefined, text: numberedWords(5) });
    const back = await chat.do("edit", { text: asks.numbered(3), messageId });
    expect({ error: back.error, text: back.text }).toEqual({ error: undefined, text: numberedWords(3) });
    expect(back.messages).toHaveLength(2);
  });

  test("error: is told with its code and its sentence", async () => {
    const { status, error, data } = await (await open()).do("send", { text: asks.error });
    expect(status).toBe("error");
    expect(error).toMatch(/^[A-Z].*\.$/);
    expect(ofType(data, "data-error")).toMatchObject([{ data: { code: expect.any(String) } }]);
  });

  test("files: reach the model, and stand in the history; a tool's file is a part of the answer", async () => {
    const chat = await open();
    const image = `data:image/png;base64,${pngOf(3, 2).toString("base64")}`;
    const asked = await chat.do("parts", {
      parts: [
        { type: "file", mediaType: "image/png", filename: "dot.png", url: image },
        { type: "text", text: "What is this?" },
      ],
    });
    expect({ error: asked.error, status: asked.status }).toEqual({ error: undefined, status: "ready" });
    expect(asked.text).toContain("I was given an image: image/png");
    const given = await chat.do("send", { text: "A report /sim tool=demo_report args={}" });
    const url = expect.stringMatching(/^\/api\/v1\/files\/file_t/);
    expect(ofType(given.parts, "file")).toEqual([{ type: "file", mediaType: "text/csv", url }]);
  });

  test("error: what cannot be taken is refused with a sentence", async () => {
    const chat = await open();
    const files = await chat.do("parts", {
      parts: [{ type: "file", mediaType: "image/png", url: "https://example.com/a.png" }],
    });
    expect(files.error).toContain("are not fetched");
    const stranger = await open({ token: "nonsense" });
    expect((await stranger.do("send", { text: "hello" })).error).toContain("AUTH_INVALID");
  });

  test.runIf(major === 6)("error: a body that no client sends has an answer in short JSON", async () => {
    const authorization = `Bearer ${await world.token()}`;
    const ask = async (body: string, address = "/api/ai/chat") => {
      const headers = { "content-type": "application/json", authorization };
      const response = await fetch(`${world.url}${address}`, { method: "POST", headers, body });
      const text = await response.text();
      expect(text.length).toBeLessThan(500);
      return { status: response.status, body: Refusal.parse(JSON.parse(text)) };
    };
    const said = (text: string) => ({ id: "m", role: "user", parts: [{ type: "text", text }] });
    const chat = (...messages: object[]) => JSON.stringify({ id: "odd", messages });
    const deep = `{"id":"odd","messages":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
    for (const body of ["", "{", "[]", chat(), chat({}), chat(said("  ")), deep, `{"id":"","messages":[1]}`])
      expect((await ask(body)).status).toBe(400);
    expect(await ask(chat(said("x".repeat(40_000))))).toMatchObject({
      status: 413,
      body: { code: "MESSAGE_TOO_LARGE" },
    });
    expect((await ask(chat({ padding: "x".repeat(9_000_000) }, said("hello")))).status).toBe(413);
    expect(await ask(chat(said("hello")), "/api/ai/chat?v=8")).toMatchObject({ status: 400 });
    expect(await ask(chat(said("hello")), "/api/ai/chat/%E0%A4%A/stop")).toMatchObject({ status: 400 });
  });

  test.runIf(major === 6)("text: a long history comes along and is not read", async () => {
    const authorization = `Bearer ${await world.token()}`;
    const old = { id: "old", role: "user", parts: [{ type: "text", text: "x".repeat(1_900_000) }] };
    const now = { id: "now", role: "user", parts: [{ type: "text", text: asks.numbered(3) }] };
    const headers = { "content-type": "application/json", authorization };
    const body = JSON.stringify({ id: "long/name ü", messages: [old, now], trigger: "submit-message" });
    const response = await fetch(`${world.url}/api/ai/chat`, { method: "POST", headers, body });
    expect(response.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
    expect(await response.text()).toMatch(/"delta":"w0[^]*"finishReason":"stop"[^]*data: \[DONE\]\n\n$/);
    const again = await fetch(`${world.url}/api/ai/chat/${encodeURIComponent("long/name ü")}/stream`, { headers });
    expect(again.status).toBe(204);
  });

  test("stop: the answer ends, and says that it was stopped", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(300, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    expect(await chat.do("stop")).toMatchObject({ stopStatus: 200 });
    const { status, text, data } = await sending.done;
    expect(status).toBe("ready");
    expect(numberedWords(300).startsWith(text.trim())).toBe(true);
    expect(data).toContainEqual(
      expect.objectContaining({ type: "data-end", data: { code: "CANCELLED", reason: "cancelled by user" } }),
    );
    expect(await chat.do("stop")).toMatchObject({ stopStatus: 204 });
  });

  test("stop: letting go of a stream stops nothing", async () => {
    const chat = await open();
    const sending = chat.begin("send", { text: asks.numbered(60, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    await chat.do("letGo");
    await sending.done;
    expectWhole(await chat.do("resume"), numberedWords(60));
  });

  test("resume: a stream that is cut anywhere, and again, is replayed whole", async () => {
    for (let times = 0; times < 3; times++) {
      const [first, second] = randomCuts();
      const chat = await open({ url: world.proxyUrl });
      let streaming = chat.begin("send", { text: asks.numbered(100, 40), marks: [first] });
      for (const cutAt of [first, second]) {
        await streaming.shown(cutAt);
        world.proxy.sever();
        const { status } = await streaming.done;
        world.proxy.heal();
        expect(status, `cut at ${first} and ${second}`).toBe("error");
        streaming = chat.begin("resume", { marks: [second] });
      }
      expectWhole(await streaming.done, numberedWords(100));
    }
  });

  test("resume: an answer that ended while the client was away is not lost", async () => {
    const chat = await open({ url: world.proxyUrl });
    const sending = chat.begin("send", { text: asks.numbered(40, 40), marks: ["w5 "] });
    await sending.shown("w5 ");
    world.proxy.sever();
    await sending.done;
    const other = await open({ chat: chat.id });
    expect((await other.do("resume")).status).toBe("ready");
    world.proxy.heal();
    expectWhole(await chat.do("resume"), numberedWords(40));
  });

  test("resume: there is nothing of a chat that never was, or whose answer has come to its end", async () => {
    const chat = await open();
    await chat.do("resume");
    await chat.do("send", { text: asks.numbered(3) });
    const reloaded = await open({ chat: chat.id });
    expect((await reloaded.do("resume")).messages).toEqual([]);
    const { requests } = await chat.do("resume");
    expect(requests.map(({ status }) => status)).toEqual([204, 200, 204]);
  });

  test("resume: an answer that ended after its edge was killed is replayed to who sees it first, and to who was cut", async () => {
    const [first, second] = world.edges;
    const chat = await open({ url: `http://127.0.0.1:${second.port}` });
    const sending = chat.begin("send", { text: asks.numbered(30, 30), marks: ["w5 "] });
    await sending.shown("w5 ");
    await second.kill("SIGKILL");
    expect((await sending.done).status).toBe("error");
    await second.restart();
    // Somebody else sees how it ends, and has all of it.
    const watching = await open({ url: `http://127.0.0.1:${first.port}`, chat: chat.id });
    expect((await watching.do("resume")).text).toBe(numberedWords(30));
    expectWhole(await chat.do("resume"), numberedWords(30));
  });

  test.runIf(major === 5)(
    "approval: is a part with the question, and the answer goes on when it is decided",
    async () => {
      const chat = await open();
      const sending = chat.begin("send", { text: asks.approval, marks: ["expires_at"] });
      await sending.shown("expires_at");
      await chat.do("decide", { approved: true });
      const { parts, status } = await sending.done;
      expect(status).toBe("ready");
      expect(ofType(parts, "data-approval")).toMatchObject([{ data: { approved: true } }]);
      expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-available" }]);
    },
  );

  test.runIf(major > 5)("approval: an agreed call runs, and the same message goes on", async () => {
    for (const approves of [true, false]) {
      const chat = await open({ approves });
      const asked = await chat.do("send", { text: asks.approval });
      expect(ofType(asked.parts, "dynamic-tool")).toMatchObject([{ state: "approval-requested" }]);
      const { parts, messages, status } = await chat.do("approve", { approved: true });
      expect(status).toBe("ready");
      expect(messages).toHaveLength(2);
      expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-available" }]);
      expect(parts.at(-1)).toMatchObject({ type: "text", state: "done" });
    }
  });

  test.runIf(major > 5)("approval: a denied call does not run, and the model reads why", async () => {
    const chat = await open();
    await chat.do("send", { text: asks.approval });
    const { parts, status } = await chat.do("approve", { approved: false, reason: "Not today." });
    expect(status).toBe("ready");
    expect(ofType(parts, "dynamic-tool")).toMatchObject([{ state: "output-denied" }]);
    expect(parts.at(-1)).toMatchObject({ type: "text", state: "done" });
  });

  test.runIf(major > 5)("approval: a question is there again after a reload, and can be decided once", async () => {
    const chat = await open();
    await chat.do("send", { text: asks.approval });
    const reloaded = await open({ chat: chat.id });
    expect(ofType((await reloaded.do("resume")).parts, "dynamic-tool")).toMatchObject([
      { state: "approval-requested" },
    ]);
    expect((await reloaded.do("approve", { approved: true })).status).toBe("ready");
    expect((await chat.do("approve", { approved: false })).error).toContain("CONFLICT");
  });

  test.runIf(major === 6)("approval: nobody decides for somebody else, or on what does not wait", async () => {
    const chat = await open();
    const { parts, messages } = await chat.do("send", { text: asks.approval });
    const [call] = ofType(parts, "dynamic-tool");
    const decide = async (id: unknown, name: string, toolCallId = call?.["toolCallId"]) => {
      const approval = { id: toolCallId, approved: true };
      const decided = { ...call, toolCallId, state: "approval-responded", approval };
      const body = JSON.stringify({ id, messages: [{ id: "any", role: "assistant", parts: [decided] }] });
      const headers = { "content-type": "application/json", authorization: `Bearer ${await world.token(name)}` };
      const response = await fetch(`${world.url}/api/ai/chat`, { method: "POST", headers, body });
      return { status: response.status, body: Refusal.parse(await response.json()) };
    };
    const unknown = { status: 404, body: { code: "NOT_FOUND" } };
    for (const id of [chat.id, messages[1]?.metadata?.["conversation_id"]])
      expect(await decide(id, "eve")).toMatchObject(unknown);
    expect(await decide(chat.id, "anna", "none-0-0")).toMatchObject(unknown);
    expect((await chat.do("approve", { approved: true })).status).toBe("ready");
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
