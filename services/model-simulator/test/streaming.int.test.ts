import { expect, test } from "vitest";
import { readStream, startSimulator } from "./simulator.ts";

test("streams an answer that the provider's client reads to its end", async () => {
  await using simulator = await startSimulator();
  const read = await readStream(await simulator.open("/sim tokens=50", { stream_options: { include_usage: true } }));
  expect(read.text).toBe(Array.from({ length: 50 }, (_, index) => `w${index}`).join(" "));
  expect(read.finishReason).toBe("stop");
  expect(read.chunks[0]?.choices[0]?.delta.role).toBe("assistant");
  expect(read.chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 50 } });
});

test("sends no usage unless it is asked for", async () => {
  await using simulator = await startSimulator();
  const read = await readStream(await simulator.open("/sim tokens=3"));
  expect(read.chunks.every((chunk) => !("usage" in chunk))).toBe(true);
});

test("answers a request without a stream with the same text", async () => {
  await using simulator = await startSimulator();
  const streamed = await readStream(await simulator.open("Who are you?"));
  const whole = await simulator.ask("Who are you?");
  expect(whole.choices[0]?.message.content).toBe(streamed.text);
  expect(streamed.text).toContain("simulated model");
});

test("gives the same request the same bytes", async () => {
  await using simulator = await startSimulator();
  const first = await readStream(await simulator.open("Hello"));
  const second = await readStream(await simulator.open("Hello"));
  const timeless = (read: typeof first) => read.chunks.map((chunk) => ({ ...chunk, created: 0 }));
  expect(timeless(second)).toEqual(timeless(first));
});

test("gives requests that the caller names differently different ids", async () => {
  await using simulator = await startSimulator();
  const [first] = (await readStream(await simulator.open("Hello", {}, { "x-client-request-id": "a" }))).chunks;
  const [second] = (await readStream(await simulator.open("Hello", {}, { "x-client-request-id": "b" }))).chunks;
  expect(first?.id).not.toBe(second?.id);
});

test("keeps the pace that the request asks for", async () => {
  await using simulator = await startSimulator();
  const startMs = performance.now();
  await readStream(await simulator.open("/sim tokens=21 rate=100 first_ms=50"));
  const tookMs = performance.now() - startMs;
  expect(tookMs).toBeGreaterThanOrEqual(240);
  expect(tookMs).toBeLessThan(1_500);
});

test("takes directives from the x-sim header", async () => {
  await using simulator = await startSimulator();
  const read = await readStream(await simulator.open("Hello", {}, { "x-sim": "tokens=3;rate=0" }));
  expect(read.text).toBe("w0 w1 w2");
});

test("ends with length at max_tokens", async () => {
  await using simulator = await startSimulator();
  const read = await readStream(await simulator.open("/sim tokens=10", { max_completion_tokens: 4 }));
  expect(read).toMatchObject({ text: "w0 w1 w2 w3", finishReason: "length" });
});
