import OpenAI from "openai";
import { expect, test } from "vitest";
import { CLUSTER_TOOLS, readStream, startSimulator } from "./simulator.ts";

test("cut ends the body cleanly without a finish reason", async () => {
  await using simulator = await startSimulator();
  const read = await readStream(await simulator.open("/sim tokens=10 cut=4"));
  expect(read).toMatchObject({ text: "w0 w1 w2 w3", finishReason: null });
});

test("reset breaks the connection after the tokens before it arrived", async () => {
  await using simulator = await startSimulator();
  const stream = await simulator.open("/sim tokens=10 reset=4");
  let text = "";
  const reading = (async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  })();
  await expect(reading).rejects.toThrow();
  expect(text).toBe("w0 w1 w2 w3");
});

test("stall sends its tokens and then nothing until the caller closes", async () => {
  await using simulator = await startSimulator();
  const stream = await simulator.open("/sim tokens=10 stall=3", {}, { "x-client-request-id": "stalled" });
  let tokens = 0;
  for await (const chunk of stream) {
    tokens += (chunk.choices[0]?.delta.content ?? "") === "" ? 0 : 1;
    if (tokens === 3) break;
  }
  await expect
    .poll(() => simulator.journal("?client_request_id=stalled"))
    .toMatchObject([{ state: "client_closed", tokens_sent: 3 }]);
});

test("keepalive sends comments after its tokens", async () => {
  await using simulator = await startSimulator();
  const body = JSON.stringify({
    model: "parley-simulated",
    stream: true,
    messages: [{ role: "user", content: "/sim tokens=9 keepalive=1" }],
  });
  const response = await fetch(`${simulator.url}/v1/chat/completions`, { method: "POST", body });
  let text = "";
  for await (const part of response.body ?? []) {
    text += Buffer.from(part).toString("utf8");
    if (text.split(": keepalive\n\n").length > 2) break;
  }
  expect(text).toContain('"content":"w0"');
  expect(text).not.toContain('"content":" w1"');
});

test("status with times fails that many tries of the same request", async () => {
  await using simulator = await startSimulator();
  const message = "/sim status=429 times=2 retry_after=7 tokens=1";
  const failure = await simulator.ask(message).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OpenAI.RateLimitError);
  expect(failure instanceof OpenAI.APIError && failure.headers?.get("retry-after")).toBe("7");
  await expect(simulator.ask(message)).rejects.toThrow("Simulated rate limit.");
  expect((await simulator.ask(message)).choices[0]?.message.content).toBe("w0");
});

test.each([400, 401, 500, 503])("status=%i answers with that status and an error body", async (status) => {
  await using simulator = await startSimulator();
  await expect(simulator.ask(`/sim status=${status}`)).rejects.toMatchObject({
    status,
    error: { type: expect.any(String) },
  });
});

test("hang=headers never answers", async () => {
  await using simulator = await startSimulator();
  const hanging = simulator.client.chat.completions.create(
    { model: "parley-simulated", messages: [{ role: "user", content: "/sim hang=headers" }] },
    { timeout: 100 },
  );
  await expect(hanging).rejects.toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
});

test("finish=length ends an answer as if it were cut off", async () => {
  await using simulator = await startSimulator();
  expect((await readStream(await simulator.open("/sim tokens=2 finish=length"))).finishReason).toBe("length");
});

test("refuses a directive that it does not know and says which", async () => {
  await using simulator = await startSimulator();
  await expect(simulator.ask("/sim tokns=5")).rejects.toThrow(/400.*tokns/);
});

const FORCED = '/sim tool=counter args={"by": 2} deviate=';

async function openTool(deviation: string) {
  const simulator = await startSimulator();
  const read = await readStream(await simulator.open(FORCED + deviation, { tools: CLUSTER_TOOLS }));
  await simulator[Symbol.asyncDispose]();
  return { ...read, deltas: read.chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []) };
}

test("deviate=noindex leaves out the index of tool call deltas", async () => {
  const { deltas } = await openTool("noindex");
  expect(deltas.length).toBeGreaterThan(1);
  expect(deltas.every((delta) => !("index" in delta))).toBe(true);
});

test("deviate=sameindex gives parallel calls index 0 and different ids", async () => {
  await using simulator = await startSimulator();
  const read = await readStream(
    await simulator.open("/sim deviate=sameindex\ncall tool a\ncall tool b", { tools: CLUSTER_TOOLS }),
  );
  const heads = read.chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []).filter((delta) => delta.id);
  expect(heads.map((delta) => delta.index)).toEqual([0, 0]);
  expect(new Set(heads.map((delta) => delta.id)).size).toBe(2);
});

test("deviate=stopreason says stop although there are calls", async () => {
  const { finishReason, deltas } = await openTool("stopreason");
  expect(finishReason).toBe("stop");
  expect(deltas[0]?.function?.name).toBe("counter");
});

test("deviate=objectargs sends arguments as an object", async () => {
  const { deltas } = await openTool("objectargs");
  expect(deltas[0]?.function?.arguments).toEqual({ by: 2 });
});

test("deviate=onechunk sends everything at once", async () => {
  const { chunks, deltas } = await openTool("onechunk");
  expect(chunks).toHaveLength(1);
  expect(deltas[0]?.function).toEqual({ name: "counter", arguments: '{"by": 2}' });
});

test("deviate=noid sends an empty call id", async () => {
  const { deltas } = await openTool("noid");
  expect(deltas[0]?.id).toBe("");
});

test("deviate=midchunkerror puts an error into the stream", async () => {
  await using simulator = await startSimulator();
  const stream = await simulator.open("/sim tokens=9 deviate=midchunkerror");
  await expect(readStream(stream)).rejects.toBeInstanceOf(OpenAI.APIError);
});

test("deviate=badjson puts broken JSON into the stream", async () => {
  await using simulator = await startSimulator();
  const stream = await simulator.open("/sim tokens=9 deviate=badjson");
  await expect(readStream(stream)).rejects.toBeInstanceOf(SyntaxError);
});

test("deviate=emptychoices puts a chunk without choices into the middle", async () => {
  await using simulator = await startSimulator();
  const { chunks, text } = await readStream(await simulator.open("/sim tokens=4 deviate=emptychoices"));
  expect(chunks.findIndex((chunk) => chunk.choices.length === 0)).toBe(3);
  expect(text).toBe("w0 w1 w2 w3");
});

test("deviate=nousage leaves out the usage that was asked for", async () => {
  await using simulator = await startSimulator();
  const { chunks } = await readStream(
    await simulator.open("/sim tokens=4 deviate=nousage", { stream_options: { include_usage: true } }),
  );
  expect(chunks.some((chunk) => chunk.usage !== null && chunk.usage !== undefined)).toBe(false);
});

test("badargs=1 sends tool arguments that are not JSON", async () => {
  await using simulator = await startSimulator();
  const whole = await simulator.ask('/sim tool=counter args={"by":2} badargs=1', { tools: CLUSTER_TOOLS });
  const [call] = whole.choices[0]?.message.tool_calls ?? [];
  expect(() => JSON.parse(call?.type === "function" ? call.function.arguments : "{}")).toThrow();
});
