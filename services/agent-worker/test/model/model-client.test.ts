import { describe, expect, test } from "vitest";
import {
  chunk,
  collect,
  createClient,
  never,
  question,
  sendStream,
  startProvider,
  usageChunk,
  withTool,
} from "./fake-provider.ts";
import { providerFrom } from "../../src/model/provider.ts";

const call = (index: number, id: string, name: string, args: unknown) => ({
  index,
  id,
  type: "function",
  function: { name, arguments: args },
});

test("streams text, then how it ended and what it used", async () => {
  await using provider = await startProvider((res) => {
    sendStream(
      res,
      chunk({ role: "assistant", content: "" }),
      chunk({ content: "Hel" }),
      chunk({ content: "lo" }),
      chunk({}, "stop"),
      usageChunk,
    );
  });
  expect(await collect(provider.client(), question, never())).toEqual([
    { type: "text", text: "Hel" },
    { type: "text", text: "lo" },
    { type: "end", finish: "stop", usage: { input_tokens: 7, output_tokens: 3 }, model: "test-model-v2" },
  ]);
});

test("sends the request once, with its id, tools and credentials", async () => {
  await using provider = await startProvider((res) => sendStream(res, chunk({ content: "x" }, "stop")));
  await collect(provider.client(), { ...withTool, model: "other", maxOutputTokens: 99 }, never());
  expect(provider.requests).toHaveLength(1);
  expect(provider.requests[0]).toMatchObject({
    path: "/v1/chat/completions",
    headers: { "x-client-request-id": "turn-1-0", authorization: "Bearer sk-test-1234567890" },
    body: {
      model: "other",
      stream: true,
      stream_options: { include_usage: true },
      messages: question.messages,
      tools: withTool.tools,
      max_tokens: 99,
    },
  });
});

test("offers no tools field when there are none", async () => {
  await using provider = await startProvider((res) => sendStream(res, chunk({ content: "x" }, "stop")));
  await collect(provider.client(), question, never());
  expect(Object.keys(provider.requests[0]?.body ?? {}).toSorted()).toEqual([
    "messages",
    "model",
    "stream",
    "stream_options",
  ]);
});

test("sends the provider's own headers", async () => {
  await using provider = await startProvider((res) => sendStream(res, chunk({ content: "x" }, "stop")));
  const openrouter = { ...providerFrom({ OPENROUTER_API_KEY: "sk-or-1" }), baseURL: provider.baseURL };
  await collect(createClient(provider.baseURL, { provider: openrouter }), withTool, never());
  expect(provider.requests[0]?.headers).toMatchObject({
    authorization: "Bearer sk-or-1",
    "x-openrouter-title": "Parley",
  });
  expect(provider.requests[0]?.body).toMatchObject({ parallel_tool_calls: true });
});

test("leaves the usage out when the provider does not give it", async () => {
  await using provider = await startProvider((res) => sendStream(res, chunk({ content: "x" }), chunk({}, "stop")));
  expect((await collect(provider.client(), question, never())).at(-1)).toEqual({
    type: "end",
    finish: "stop",
    model: "test-model-v2",
  });
});

test("leaves the usage out when it makes no sense", async () => {
  await using provider = await startProvider((res) => {
    sendStream(res, chunk({ content: "x" }), { ...chunk({}, "stop"), usage: { prompt_tokens: null } });
  });
  const events = await collect(provider.client(), question, never());
  expect(events.at(-1)).toEqual({ type: "end", finish: "stop", model: "test-model-v2" });
});

test("passes reasoning on apart from the text, under either of its names", async () => {
  await using provider = await startProvider((res) => {
    sendStream(
      res,
      chunk({ reasoning_content: "hm" }),
      chunk({ reasoning: "so" }),
      chunk({ content: "x" }),
      chunk({}, "stop"),
    );
  });
  expect((await collect(provider.client(), question, never())).slice(0, 3)).toEqual([
    { type: "reasoning", text: "hm" },
    { type: "reasoning", text: "so" },
    { type: "text", text: "x" },
  ]);
});

test("takes a refusal as the answer", async () => {
  await using provider = await startProvider((res) =>
    sendStream(res, chunk({ refusal: "I will not." }), chunk({}, "stop")),
  );
  expect((await collect(provider.client(), question, never()))[0]).toEqual({
    type: "text",
    text: "I will not.",
  });
});

test("gives tool calls once, at the end", async () => {
  await using provider = await startProvider((res) => {
    sendStream(
      res,
      chunk({ content: "Let me look." }),
      chunk({ tool_calls: [call(0, "a", "clock", "")] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"zone":' } }] }),
      chunk({ tool_calls: [call(1, "b", "clock", "{}")] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '"UTC"}' } }] }),
      chunk({}, "tool_calls"),
      usageChunk,
    );
  });
  expect(await collect(provider.client(), withTool, never())).toMatchObject([
    { type: "text", text: "Let me look." },
    {
      type: "tool_calls",
      calls: [
        { name: "clock", arguments: '{"zone":"UTC"}' },
        { name: "clock", arguments: "{}" },
      ],
    },
    { type: "end", finish: "tool_calls", usage: { input_tokens: 7, output_tokens: 3 }, model: "test-model-v2" },
  ]);
});

const oneCall = { type: "tool_calls", calls: [{ name: "clock", arguments: '{"zone":"UTC"}' }] };
const args = '{"zone":"UTC"}';

describe("understands servers that", () => {
  const whole = {
    id: "c",
    model: "m",
    choices: [{ message: { tool_calls: [call(0, "a", "clock", args)] }, finish_reason: "tool_calls" }],
  };
  test.each<[string, object[]]>([
    ["say stop although there are calls", [chunk({ tool_calls: [call(0, "a", "clock", args)] }), chunk({}, "stop")]],
    ["say end_turn", [chunk({ tool_calls: [call(0, "a", "clock", args)] }), chunk({}, "end_turn")]],
    [
      "send everything in one chunk",
      [chunk({ role: "assistant", content: "", tool_calls: [call(0, "a", "clock", args)] }, "tool_calls")],
    ],
    ["send a message in place of a delta", [whole]],
    [
      "send the arguments as an object",
      [chunk({ tool_calls: [call(0, "a", "clock", { zone: "UTC" })] }), chunk({}, "tool_calls")],
    ],
    [
      "give no index",
      [
        chunk({ tool_calls: [{ id: "a", function: { name: "clock", arguments: '{"zone":' } }] }),
        chunk({ tool_calls: [{ function: { arguments: '"UTC"}' } }] }),
        chunk({}, "tool_calls"),
      ],
    ],
    [
      "give no id",
      [
        chunk({ tool_calls: [{ index: 0, id: "", function: { name: "clock", arguments: args } }] }),
        chunk({}, "tool_calls"),
      ],
    ],
    [
      "send chunks without choices in between",
      [
        usageChunk,
        chunk({ tool_calls: [call(0, "a", "clock", args)] }),
        { id: "c1" },
        usageChunk,
        chunk({}, "tool_calls"),
      ],
    ],
  ])("%s", async (_name, chunks) => {
    await using provider = await startProvider((res) => sendStream(res, ...chunks));
    const events = await collect(provider.client(), withTool, never());
    expect(events[0]).toMatchObject(oneCall);
    expect(events[1]).toMatchObject({ type: "end", finish: "tool_calls" });
    expect(events).toHaveLength(2);
  });

  test("give every call index 0 with an id of its own", async () => {
    await using provider = await startProvider((res) => {
      sendStream(
        res,
        chunk({ tool_calls: [call(0, "a", "clock", args)] }),
        chunk({ tool_calls: [call(0, "b", "clock", args)] }),
        chunk({}, "tool_calls"),
      );
    });
    expect((await collect(provider.client(), withTool, never()))[0]).toMatchObject({
      type: "tool_calls",
      calls: [...oneCall.calls, ...oneCall.calls],
    });
  });

  test("write comments between the events", async () => {
    await using provider = await startProvider((res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(": PROCESSING\n\n");
      sendStream(res, chunk({ content: "x" }), chunk({}, "stop"));
    });
    expect((await collect(provider.client(), question, never()))[0]).toEqual({ type: "text", text: "x" });
  });
});

test.each([
  ["length", "length"],
  ["max_tokens", "length"],
  ["content_filter", "content_filter"],
  ["eos", "stop"],
])("reports finish_reason %s of a text as %s", async (given, finish) => {
  await using provider = await startProvider((res) => sendStream(res, chunk({ content: "x" }), chunk({}, given)));
  expect((await collect(provider.client(), question, never())).at(-1)).toMatchObject({ type: "end", finish });
});

test("gives no calls of an answer that a content filter cut", async () => {
  await using provider = await startProvider((res) =>
    sendStream(res, chunk({ tool_calls: [call(0, "a", "clock", args)] }), chunk({}, "content_filter")),
  );
  expect(await collect(provider.client(), withTool, never())).toEqual([
    { type: "end", finish: "content_filter", model: "test-model-v2" },
  ]);
});

describe("a server that refuses an optional field", () => {
  const refusals: [string, number, unknown][] = [
    [
      "OpenAI's error",
      400,
      {
        error: {
          message: "Unrecognized request argument supplied: stream_options",
          type: "invalid_request_error",
          param: null,
          code: null,
        },
      },
    ],
    [
      "an error that names it as the parameter",
      400,
      { error: { message: "Not known.", param: "stream_options.include_usage" } },
    ],
    ["FastAPI's detail", 422, { detail: [{ loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }] }],
  ];
  test.each(refusals)("is asked again without it, now and from then on: %s", async (_name, status, body) => {
    await using provider = await startProvider((res, request) => {
      if (!("stream_options" in request.body)) return sendStream(res, chunk({ content: "x" }, "stop"));
      res.writeHead(status, { "content-type": "application/json" });
      res.end(JSON.stringify(body));
    });
    const client = provider.client();
    await collect(client, question, never());
    await collect(client, question, never());
    expect(provider.requests.map((request) => "stream_options" in request.body)).toEqual([true, false, false]);
  });

  test("is asked again for each field", async () => {
    await using provider = await startProvider((res, request) => {
      const refused = ["stream_options", "parallel_tool_calls"].find((field) => field in request.body);
      if (refused === undefined) return sendStream(res, chunk({ content: "x" }, "stop"));
      res.writeHead(400, { "content-type": "application/json" });
      res.end(JSON.stringify({ error: { message: `Unknown field ${refused}` } }));
    });
    const strict = { ...providerFrom({ OPENAI_API_KEY: "k" }), baseURL: provider.baseURL };
    await collect(createClient(provider.baseURL, { provider: strict }), withTool, never());
    expect(provider.requests).toHaveLength(3);
  });
});
