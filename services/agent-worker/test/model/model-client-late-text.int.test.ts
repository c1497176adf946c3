import { test } from "vitest";
import { chunk, collect, keepWriting, never, question, startProvider, writeChunks } from "./fake-provider.ts";

// How long an answer that has a finish_reason stays open for what comes after it: real seconds, as providers take them.

const usage = { choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } };

test.concurrent("ends an answer 2 s after its usage, which is the last that comes before the end of a stream", async ({
  expect,
}) => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }), chunk({}, "stop"), usage);
    // Neither `[DONE]` nor an end; what says nothing does not put it off.
    keepWriting(res, 500, () => writeChunks(res, usage));
  });
  const startedMs = performance.now();
  const events = await collect(provider.client({ idleMs: 60_000 }), question, never());
  expect(events.at(-1)).toMatchObject({ type: "end", finish: "stop", usage: { input_tokens: 7, output_tokens: 3 } });
  const tookMs = performance.now() - startedMs;
  expect(tookMs).toBeGreaterThan(1_900);
  expect(tookMs).toBeLessThan(4_000);
});

test.concurrent.for([
  { what: "a finish_reason", between: [] },
  { what: "the usage", between: [usage] },
])("keeps text that comes 1.5 s after $what", async ({ between }, { expect }) => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "Hello" }), chunk({}, "stop"), ...between);
    setTimeout(() => writeChunks(res, chunk({ content: ", world" })), 1_500);
    setTimeout(() => res.end("data: [DONE]\n\n"), 4_500);
  });
  const events = await collect(provider.client({ idleMs: 60_000 }), question, never());
  expect(events.flatMap((event) => (event.type === "text" ? [event.text] : [])).join("")).toBe("Hello, world");
  expect(events.at(-1)).toMatchObject({ finish: "stop" });
});
