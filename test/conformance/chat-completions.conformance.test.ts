import { randomUUID } from "node:crypto";
import { startTcpProxy, type Service } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { hasClients, runClient, type ClientRun } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Message = z.looseObject({ content: z.string().nullable() });
const Completion = z.looseObject({
  id: z.string(),
  choices: z.tuple([z.looseObject({ message: Message, finish_reason: z.string() })]),
  usage: z.looseObject({ total_tokens: z.number() }).optional(),
});
const Delta = z.looseObject({ content: z.string().optional(), reasoning_content: z.string().optional() });
const Chunk = z.looseObject({
  id: z.string(),
  choices: z.array(z.looseObject({ delta: Delta, finish_reason: z.string().nullable() })),
  usage: z.looseObject({ total_tokens: z.number() }).nullish(),
});
const Failure = z.looseObject({ name: z.string(), status: z.number().optional(), code: z.string().optional() });
const Journal = z.array(z.looseObject({ last_user_message: z.string() }));
const Page = z.object({
  messages: z.array(z.looseObject({ turn_id: z.string(), message: z.string(), status: z.string().optional() })),
});

const user = (content: string) => ({ role: "user", content });

let world: ConformanceWorld;
let apiKey: string;
/** Those that live. */
const workers: Service[] = [];
const fresh: Service[] = [];
beforeAll(async () => {
  if (!hasClients) return;
  world = await startConformanceWorld({ "agent-worker": { ACK_WAIT_MS: "2000" } });
  apiKey = await world.token();
  workers.push(...world.system.agentWorkers);
}, 90_000);
afterAll(() => world?.[Symbol.asyncDispose]());

const chunksOf = ({ lines }: ClientRun) =>
  lines.filter(({ type }) => type === "chunk").map((line) => Chunk.parse(line["chunk"]));
const textOf = (run: ClientRun): string =>
  chunksOf(run)
    .map(({ choices }) => choices[0]?.delta.content ?? "")
    .join("");
const finishOf = (run: ClientRun) =>
  chunksOf(run)
    .map(({ choices }) => choices[0]?.finish_reason)
    .find((reason) => typeof reason === "string");
const get = async (path: string): Promise<unknown> => {
  const response = await fetch(`${world.url}${path}`, { headers: { authorization: `Bearer ${apiKey}` } });
  expect(response.status).toBe(200);
  return response.json();
};
const post = (path: string, body: object) =>
  fetch(`${world.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
const messagesIn = async (conversation: unknown) =>
  Page.parse(await get(`/api/v1/conversations/${String(conversation)}/messages`)).messages;
const askedOfModel = async (mark: string): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${world.system.modelSimulator.port}/sim/requests`);
  return Journal.parse(await response.json()).filter(({ last_user_message: said }) => said.includes(mark)).length;
};

describe.skipIf(!hasClients).each([
  ["openai 6.49.0 (Chat Completions)", "openai-6"],
  ["openai 7.59.0 (Chat Completions)", "openai-7"],
])("%s", (_column, client) => {
  const run = (how: string, body: object = {}, more: object = {}): ClientRun => {
    const input = {
      client,
      baseURL: `${world.proxyUrl}/v1`,
      apiKey,
      how,
      body: { model: "parley", ...body },
      ...more,
    };
    return runClient("chat-completions", { input });
  };
  const completion = async (running: ClientRun) => Completion.parse((await running.until("end"))["completion"]);
  const named = (conversation: string, more: object = {}) => ({
    options: { headers: { "X-Parley-Conversation": conversation, ...more } },
  });

  test("text: raw chunks, the helper and a request that does not stream say the same", async () => {
    const messages = [user(asks.numbered(20))];
    const raw = run("raw", { messages });
    await raw.until("end");
    expect(textOf(raw)).toBe(numberedWords(20));
    expect(finishOf(raw)).toBe("stop");
    const [helper, plain] = [run("helper", { messages }), run("plain", { messages })];
    for (const whole of [await completion(helper), await completion(plain)]) {
      expect(whole.choices[0]).toMatchObject({ message: { content: numberedWords(20) }, finish_reason: "stop" });
    }
  });

  test("text: agents are models", async () => {
    const { models, one } = await run("models").until("end");
    expect(models).toEqual(expect.arrayContaining(["parley", "general"]));
    expect(one).toMatchObject({ id: "parley", object: "model" });
    const unknown = run("plain", { model: "gpt-9", messages: [user("Hi")] });
    expect(await unknown.until("error")).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
  });

  test("text: a named conversation knows what was said before", async () => {
    const name = randomUUID();
    await run("plain", { messages: [user("My name is Ada.")] }, named(name)).until("end");
    const second = run("raw", { messages: [user("forged"), user(asks.numbered(3))] }, named(name));
    await second.until("end");
    const { conversation } = await second.until("headers");
    const said = (await messagesIn(conversation)).map(({ message }) => message);
    expect([said[0], said[2], said[3]]).toEqual(["My name is Ada.", asks.numbered(3), numberedWords(3)]);
    expect(said).toHaveLength(4);
  });

  test("reasoning: is told to who asks for it", async () => {
    const [asking, other] = [{ include_reasoning: true }, {}].map((more) =>
      run("raw", { messages: [user(asks.reasoning)], ...more }),
    );
    for (const one of [asking, other]) await one?.until("end");
    const reasoned = (one: ClientRun | undefined) =>
      one === undefined ? [] : chunksOf(one).filter(({ choices }) => choices[0]?.delta.reasoning_content !== undefined);
    expect(reasoned(asking).length).toBeGreaterThan(0);
    expect(reasoned(other)).toEqual([]);
  });

  test.each([
    ["tools", asks.tool],
    ["parallel tools", asks.parallelTools],
  ])("%s: the agent's own are not told, and their answer is", async (_row, ask) => {
    const raw = run("raw", { messages: [user(ask)] });
    await raw.until("end");
    expect(JSON.stringify(chunksOf(raw))).not.toContain("tool_calls");
    const { conversation } = await raw.until("headers");
    const [, answer] = await messagesIn(conversation);
    expect(answer?.["tool_calls"]).not.toEqual([]);
    expect(textOf(raw)).toBe(answer?.message);
    expect(finishOf(raw)).toBe("stop");
  });

  const weather = {
    type: "function",
    function: {
      name: "get_weather",
      description: "Weather of a city.",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  };

  test("tools: the client's own are run by the client", async () => {
    const ask = 'call the tool get_weather with {"city":"Bonn"}';
    const runner = run("tools", { messages: [user(ask)], tools: [weather] });
    const end = await runner.until("end");
    expect(end["called"]).toEqual([{ name: "get_weather", args: { city: "Bonn" } }]);
    expect(end["text"]).toContain("12 degrees");
  });

  test("tools: in a named conversation the results are what is new", async () => {
    const ask = 'call the tool get_weather with {"city":"Bonn"}';
    const runner = run("tools", { messages: [user(ask)], tools: [weather] }, named(randomUUID()));
    const end = await runner.until("end");
    expect(end["called"]).toHaveLength(1);
    const { conversation } = await runner.until("headers");
    const [asked, called, results, answer] = await messagesIn(conversation);
    expect(asked?.message).toBe(ask);
    expect(called?.["metadata"]).toMatchObject({ client_calls: [{ tool_name: "get_weather" }] });
    expect(results?.message).toContain("It is 12 degrees in Bonn.");
    expect(answer?.message).toBe(end["text"]);
  });

  test("parallel tools: beside the client's own the agent's are not run", async () => {
    const ask = 'call the tool k8s_list_pods with {} call the tool get_weather with {"city":"Bonn"}';
    const plain = run("plain", { messages: [user(ask)], tools: [weather] });
    const answer = await completion(plain);
    expect(answer.choices[0]).toMatchObject({
      message: { tool_calls: [{ function: { name: "get_weather", arguments: '{"city":"Bonn"}' } }] },
      finish_reason: "tool_calls",
    });
    const { conversation } = await plain.until("headers");
    expect((await messagesIn(conversation))[1]).toMatchObject({ status: "complete", tool_calls: [] });
  });

  test("parallel tools: the client's own come together", async () => {
    const ask = 'call the tool get_weather with {"city":"Bonn"} call the tool get_weather with {"city":"Rome"}';
    const end = await run("tools", { messages: [user(ask)], tools: [weather] }).until("end");
    expect(end["called"]).toEqual([
      { name: "get_weather", args: { city: "Bonn" } },
      { name: "get_weather", args: { city: "Rome" } },
    ]);
  });

  test("approval: the answer says where to decide, and goes on there", async () => {
    const raw = run("raw", { messages: [user(asks.approval)] }, named(randomUUID()));
    await raw.until("end");
    expect(textOf(raw)).toContain("waits for a person");
    expect(finishOf(raw)).toBe("stop");
    const { parley } = z
      .looseObject({
        parley: z.object({ conversation_id: z.string(), calls: z.tuple([z.looseObject({ call_id: z.string() })]) }),
      })
      .parse(chunksOf(raw).at(-1));
    const decided = await post(`/api/v1/conversations/${parley.conversation_id}/approvals/${parley.calls[0].call_id}`, {
      approved: true,
    });
    expect(decided.status).toBe(200);
    await expect.poll(async () => (await messagesIn(parley.conversation_id))[1]?.status).toBe("complete");
  });

  test("stop: a client that asked for it stops the answer when it leaves", async () => {
    const headers = { "X-Parley-Cancel-On-Disconnect": "1" };
    const raw = run("raw", { messages: [user(asks.numbered(400, 20))] }, named(randomUUID(), headers));
    await expect.poll(() => textOf(raw)).toContain("w3");
    const { conversation } = await raw.until("headers");
    raw.tell({ type: "abort" });
    await expect.poll(async () => (await messagesIn(conversation))[1]?.status).toBe("cancelled");
  });

  test("stop: an answer that somebody else stops ends with an error", async () => {
    const raw = run("raw", { messages: [user(asks.numbered(400, 20))] });
    await expect.poll(() => textOf(raw)).toContain("w3");
    const { conversation } = await raw.until("headers");
    await post(`/api/v1/conversations/${String(conversation)}/cancel`, {});
    expect(Failure.parse(await raw.until("error"))).toMatchObject({ code: "cancelled" });
    expect(finishOf(raw)).toBeUndefined();
  });

  test("resume: a request whose connection broke before the answer is sent again and runs once", async () => {
    const mark = randomUUID();
    const plain = run("plain", { messages: [user(`${mark} ${asks.numbered(60, 30)}`)] });
    await expect.poll(() => askedOfModel(mark)).toBe(1);
    world.proxy.sever();
    world.proxy.heal();
    expect((await completion(plain)).choices[0].message.content).toBe(numberedWords(60));
    expect((await plain.until("end"))["tries"]).toEqual(["0", "1"]);
    expect(await askedOfModel(mark)).toBe(1);
  });

  test("resume: a request whose edge is killed before the answer is answered by another one", async () => {
    const mark = randomUUID();
    const dying = await world.system.add("edge");
    const proxy = await startTcpProxy({ targets: [dying.port, world.edges[0].port] });
    const baseURL = `http://127.0.0.1:${proxy.port}/v1`;
    const plain = run("plain", { messages: [user(`${mark} ${asks.numbered(60, 30)}`)] }, { baseURL });
    await expect.poll(() => askedOfModel(mark)).toBe(1);
    await dying.kill("SIGKILL");
    expect((await completion(plain)).choices[0].message.content).toBe(numberedWords(60));
    expect(await askedOfModel(mark)).toBe(1);
    await proxy[Symbol.asyncDispose]();
  });

  test("resume: two requests that are equal are two answers", async () => {
    const mark = randomUUID();
    const body = { messages: [user(`${mark} ${asks.numbered(3)}`)] };
    const [one, other] = await Promise.all([completion(run("plain", body)), completion(run("plain", body))]);
    expect(one.id).not.toBe(other.id);
    expect(await askedOfModel(mark)).toBe(2);
  });

  test("resume: a stream that broke is told from its beginning when it is asked for with its key", async () => {
    const body = { messages: [user(asks.numbered(80, 30))] };
    const options = { headers: { "Idempotency-Key": randomUUID() } };
    const broken = run("raw", body, { options });
    await expect.poll(() => textOf(broken)).toContain("w5");
    world.proxy.sever();
    world.proxy.heal();
    await broken.until("error");
    const again = run("raw", body, { options });
    await again.until("end");
    expect(textOf(again)).toBe(numberedWords(80));
    expect(chunksOf(again)[0]?.id).toBe(chunksOf(broken)[0]?.id);
  });

  test("takeover: a worker that is killed in mid-answer is not noticed", async () => {
    const raw = run("raw", { messages: [user(asks.numbered(80, 20))] });
    await expect.poll(() => textOf(raw)).toContain("w5");
    // Whichever has the turn.
    for (const worker of workers.splice(0)) {
      fresh.push(await world.system.add("agent-worker"));
      await worker.kill("SIGKILL");
    }
    workers.push(...fresh.splice(0));
    await raw.until("end");
    expect(textOf(raw)).toBe(numberedWords(80));
    expect(finishOf(raw)).toBe("stop");
  });

  test("error: is told in the stream, or with its status", async () => {
    const messages = [user(asks.error)];
    const [raw, plain] = [run("raw", { messages }), run("plain", { messages })];
    expect(Failure.parse(await raw.until("error"))).toMatchObject({ name: "APIError" });
    const failed = Failure.parse(await plain.until("error"));
    expect(failed.status).toBeGreaterThanOrEqual(400);
    // The same request would be the same turn: the SDK is told not to send it again.
    expect(failed["tries"]).toEqual(["0"]);
    const refused = await run("plain", { messages, n: 2 }).until("error");
    expect(refused).toMatchObject({ name: "BadRequestError", status: 400, param: "n" });
  });

  test("usage: is in the answer, and in a last chunk for who asks", async () => {
    const messages = [user(asks.numbered(5))];
    const raw = run("raw", { messages, stream_options: { include_usage: true } });
    await raw.until("end");
    const last = chunksOf(raw).at(-1);
    expect(last?.choices).toEqual([]);
    expect(last?.usage?.total_tokens).toBeGreaterThan(5);
    const plain = await completion(run("plain", { messages }));
    expect(plain.usage?.total_tokens).toBe(last?.usage?.total_tokens);
  });
});
