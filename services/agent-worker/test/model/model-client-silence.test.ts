import { expect, test } from "vitest";
import { ChatError } from "@parley/protocol";
import { chunk, collect, collectUntilError, never, question, startProvider, writeChunks } from "./fake-provider.ts";
import { isTransient } from "../../src/model/model-error.ts";

const patience = { firstTokenMs: 150, idleMs: 150 };
const timeout = expect.objectContaining({ code: "MODEL_TIMEOUT", message: "The language model stopped answering." });

/** Writes until the client is gone. */
function keepWriting(res: Parameters<Parameters<typeof startProvider>[0]>[0], write: () => void): void {
  const timer = setInterval(write, 20);
  res.on("close", () => clearInterval(timer));
}

test("gives up when the headers never come", async () => {
  await using provider = await startProvider(() => {});
  const { error } = await collectUntilError(provider.client(patience).stream(question, never()));
  expect(error).toEqual(timeout);
  expect(isTransient(error)).toBe(true);
  expect(String((error as ChatError).cause)).toContain("no first content within 150 ms");
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
});

test("gives up when the stream stalls after its first chunk", async () => {
  await using provider = await startProvider((res) => writeChunks(res, chunk({ content: "Hel" })));
  const { events, error } = await collectUntilError(provider.client(patience).stream(question, never()));
  expect(events).toEqual([{ type: "text", text: "Hel" }]);
  expect(error).toEqual(timeout);
  expect(String((error as ChatError).cause)).toContain("no next content within 150 ms");
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
});

test("gives up when the body of an error never ends", async () => {
  await using provider = await startProvider((res) => res.writeHead(500).write("x"));
  expect((await collectUntilError(provider.client(patience).stream(question, never()))).error).toEqual(timeout);
});

test.each([
  ["comments", ": PROCESSING\n\n"],
  ["empty deltas", `data: ${JSON.stringify(chunk({ content: "" }))}\n\n`],
  ["roles", `data: ${JSON.stringify(chunk({ role: "assistant" }))}\n\n`],
  ["chunks without choices", 'data: {"id":"c","choices":[]}\n\n'],
  [
    "tool call deltas that say nothing",
    `data: ${JSON.stringify(chunk({ tool_calls: [{ index: 0, function: { arguments: "" } }] }))}\n\n`,
  ],
])("takes a stream of nothing but %s as silence", async (_name, text) => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }));
    keepWriting(res, () => res.write(text));
  });
  const { events, error } = await collectUntilError(provider.client(patience).stream(question, never()));
  expect(events).toHaveLength(1);
  expect(error).toEqual(timeout);
});

test("waits on while content comes, in whatever form", async () => {
  const content = [
    { content: "x" },
    { reasoning: "hm" },
    { tool_calls: [{ index: 0, id: "a", function: { name: "clock", arguments: "{" } }] },
    { tool_calls: [{ index: 0, function: { arguments: "}" } }] },
  ];
  await using provider = await startProvider((res) => {
    const steps = [...content.map((delta) => chunk(delta)), chunk({}, "tool_calls")];
    const timer = setInterval(() => {
      const next = steps.shift();
      if (next === undefined) return res.end();
      writeChunks(res, next);
    }, 100);
    res.on("close", () => clearInterval(timer));
  });
  const events = await collect(provider.client({ firstTokenMs: 180, idleMs: 180 }).stream(question, never()));
  expect(events.map((event) => event.type)).toEqual(["text", "reasoning", "tool_calls", "end"]);
});

test("does not count the time the caller takes for an event", async () => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }));
    setTimeout(() => (writeChunks(res, chunk({ content: "y" }), chunk({}, "stop")), res.end()), 50);
  });
  const texts: string[] = [];
  for await (const event of provider.client(patience).stream(question, never())) {
    if (event.type === "text") texts.push(event.text);
    await new Promise((done) => setTimeout(done, 250));
  }
  expect(texts).toEqual(["x", "y"]);
});

test("ends a whole answer although the server keeps the connection open", async () => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }), chunk({}, "stop"));
    res.write("data: [DONE]\n\n");
  });
  const events = await collect(provider.client().stream(question, never()));
  expect(events.at(-1)).toMatchObject({ type: "end", finish: "stop" });
});
