import { test } from "vitest";
import { isTransient } from "../../src/model/model-error.ts";
import {
  chunk,
  collect,
  collectUntilError,
  keepWriting,
  never,
  question,
  sendStream,
  startProvider,
  writeChunks,
} from "./fake-provider.ts";

const impatient = { firstTokenMs: 150 };
const patience = { idleMs: 150 };

test.concurrent("gives up when the headers never come", async ({ expect }) => {
  await using provider = await startProvider(() => {});
  const { error } = await collectUntilError(provider.client(impatient), question, never());
  expect(error).toMatchObject({ code: "MODEL_TIMEOUT", message: "The language model stopped answering." });
  expect(error).toMatchObject({ cause: { message: "no first content within 150 ms" } });
  expect(isTransient(error)).toBe(true);
  await expect.poll(() => provider.requests.filter(({ closedAt }) => closedAt === undefined)).toEqual([]);
});

test.concurrent("gives up when the stream stalls after its first chunk", async ({ expect }) => {
  await using provider = await startProvider((res) => writeChunks(res, chunk({ content: "Hel" })));
  const { events, error } = await collectUntilError(provider.client(patience), question, never());
  expect(events).toEqual([{ type: "text", text: "Hel" }]);
  expect(error).toMatchObject({ code: "MODEL_TIMEOUT", cause: { message: "no next content within 150 ms" } });
  await expect.poll(() => provider.requests.filter(({ closedAt }) => closedAt === undefined)).toEqual([]);
});

test.concurrent("gives up when the body of an error never ends", async ({ expect }) => {
  await using provider = await startProvider((res) => res.writeHead(500).write("x"));
  const { error } = await collectUntilError(provider.client(impatient), question, never());
  expect(error).toMatchObject({ code: "MODEL_TIMEOUT" });
});

test.concurrent.for([
  ["comments", ": PROCESSING\n\n"],
  ["empty deltas", `data: ${JSON.stringify(chunk({ content: "" }))}\n\n`],
  ["roles", `data: ${JSON.stringify(chunk({ role: "assistant" }))}\n\n`],
  ["chunks without choices", 'data: {"id":"c","choices":[]}\n\n'],
  ["tool call deltas that say nothing", `data: ${JSON.stringify(chunk({ tool_calls: [{ index: 0 }] }))}\n\n`],
])("takes a stream of nothing but %s as silence", async ([, text], { expect }) => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }));
    keepWriting(res, 20, () => res.write(text));
  });
  const { events, error } = await collectUntilError(provider.client(patience), question, never());
  expect(events).toHaveLength(1);
  expect(error).toMatchObject({ code: "MODEL_TIMEOUT" });
});

test.concurrent("waits on while content comes, in whatever form", async ({ expect }) => {
  const part = (args: string, name?: string) => ({ tool_calls: [{ index: 0, function: { name, arguments: args } }] });
  const deltas = [
    { content: "x" },
    ...Array.from({ length: 5 }, () => ({ reasoning: "hm" })),
    part('{"x":', "clock"),
    ...Array.from({ length: 5 }, () => part("1")),
    part("}"),
  ];
  await using provider = await startProvider((res) => {
    const chunks = deltas.map((delta) => chunk(delta));
    keepWriting(res, 50, () =>
      chunks.length > 0 ? writeChunks(res, ...chunks.splice(0, 1)) : sendStream(res, chunk({}, "stop")),
    );
  });
  const events = await collect(provider.client({ firstTokenMs: 400, idleMs: 400 }), question, never());
  expect(events.filter((event) => event.type !== "reasoning")).toMatchObject([
    { type: "text", text: "x" },
    { type: "tool_calls", calls: [expect.objectContaining({ name: "clock", arguments: '{"x":11111}' })] },
    { type: "end", finish: "tool_calls", model: "test-model-v2" },
  ]);
});

test.concurrent("does not count a pause of this process as silence", async ({ expect }) => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }));
    setImmediate(() => sendStream(res, chunk({ content: "y" }), chunk({}, "stop")));
  });
  const texts: string[] = [];
  await provider.client({ idleMs: 50 }).stream(question, never(), (events) => {
    texts.push(...events.flatMap((event) => (event.type === "text" ? [event.text] : [])));
    const until = performance.now() + 200;
    while (performance.now() < until);
  });
  expect(texts).toEqual(["x", "y"]);
});

test.concurrent("ends a whole answer although the server goes on writing", async ({ expect }) => {
  await using provider = await startProvider((res) => keepWriting(res, 50, () => writeChunks(res, chunk({}, "stop"))));
  const events = await collect(provider.client(patience), question, never());
  expect(events).toEqual([{ type: "end", finish: "empty", model: "test-model-v2" }]);
});

test.concurrent("ends a whole answer although the server keeps the connection open", async ({ expect }) => {
  await using provider = await startProvider((res) => {
    writeChunks(res, chunk({ content: "x" }), chunk({}, "stop"));
    res.write("data: [DONE]\n\n");
  });
  const events = await collect(provider.client({ idleMs: 60_000 }), question, never());
  expect(events.at(-1)).toMatchObject({ type: "end", finish: "stop" });
  await expect.poll(() => provider.requests.filter(({ closedAt }) => closedAt === undefined)).toEqual([]);
});
