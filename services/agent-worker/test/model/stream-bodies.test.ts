import { describe, test } from "vitest";
import { chunk, collectUntilError, createClient, never, question } from "./fake-provider.ts";
import { startRawProvider, type RawAnswer } from "./raw-provider.ts";
import { json, data, text, hello, stop, done, whole, stream, response, outcomeOf, type Row } from "./stream-outcome.ts";

const message = { role: "assistant", content: "Hello, world" };
const completion = { id: "c", model: "m", choices: [{ index: 0, message, finish_reason: "stop" }] };
const bodies: Row[] = [
  ["the whole answer as JSON", response("application/json", json(completion)), "Hello, world stop"],
  ["the same in lines", response("application/json", JSON.stringify(completion, null, 2)), "Hello, world stop"],
  [
    "the same without finish_reason",
    response("application/json", json({ choices: [{ message }] })),
    "Hello, world stop",
  ],
  ["the same, called an event stream", response("text/event-stream", json(completion)), "Hello, world stop"],
  [
    "the chunks in a list",
    response("application/json", `[${json(text("Hello, "))},\n${json(text("world"))},\n${json(chunk({}, "stop"))}]`),
    "Hello, world stop",
  ],
  [
    "a whole answer that is cut off",
    response("application/json", json(completion).slice(0, -20)),
    " MODEL_UNAVAILABLE",
  ],
  [
    "OpenAI's error",
    response("application/json", json({ error: { message: "no", type: "invalid_request_error" } })),
    " MODEL_UNAVAILABLE",
  ],
  [
    "an error of the server",
    response("application/json", json({ error: { message: "no", type: "server_error" } })),
    " MODEL_UNAVAILABLE!",
  ],
  [
    "an error with a status as its code",
    response("application/json", json({ error: { message: "no", code: 503 } })),
    " MODEL_UNAVAILABLE!",
  ],
  [
    "an error that is a string",
    response("application/json", json({ error: "model not loaded" })),
    " MODEL_UNAVAILABLE",
  ],
  [
    "vLLM's error",
    response("application/json", json({ object: "error", message: "no", type: "BadRequestError", code: 400 })),
    " MODEL_UNAVAILABLE",
  ],
  [
    "vLLM's error about the context",
    response(
      "application/json",
      json({ object: "error", message: "maximum context length is 4096 tokens", code: 400 }),
    ),
    " CONTEXT_TOO_LARGE",
  ],
  ["FastAPI's detail", response("application/json", json({ detail: "Not Found" })), " MODEL_UNAVAILABLE"],
  [
    "FastAPI's list of details",
    response("application/json", json({ detail: [{ loc: ["body"], msg: "bad" }] })),
    " MODEL_UNAVAILABLE",
  ],
  [
    "Gemini's error in an array",
    response(
      "application/json",
      JSON.stringify([{ error: { code: 429, message: "x", status: "RESOURCE_EXHAUSTED" } }], null, 2),
    ),
    " MODEL_UNAVAILABLE!",
  ],
  ["a bare message", response("application/json", json({ message: "Internal server error" })), " MODEL_UNAVAILABLE"],
  ["JSON of something else", response("application/json", json({ status: "ok" })), " MODEL_UNAVAILABLE"],
  ["a page", response("text/html", "<!DOCTYPE html>\n<html><body>Sign in</body></html>"), " MODEL_UNAVAILABLE"],
  [
    "a gateway's page",
    response("text/html", "<html><head><title>502 Bad Gateway</title></head></html>"),
    " MODEL_UNAVAILABLE!",
  ],
  ["a text", response("text/plain", "It works!"), " MODEL_UNAVAILABLE"],
  ["an empty body", response("text/event-stream", ""), " MODEL_UNAVAILABLE"],
  ["no content", { head: "HTTP/1.1 204 No Content", pieces: [] }, " MODEL_UNAVAILABLE"],
];

const errors: Row[] = [
  ["an error in a chunk", stream(hello + data({ error: { message: "no" } })), "Hello, world MODEL_UNAVAILABLE!"],
  [
    "the same beside choices",
    stream(hello + data({ ...chunk({}), error: { message: "no", code: 401 } })),
    "Hello, world MODEL_UNAVAILABLE",
  ],
  [
    "an error event",
    stream(`${hello}event: error\ndata: {"message": "no", "code": 429}\n\n`),
    "Hello, world MODEL_UNAVAILABLE!",
  ],
  [
    "an error event without JSON",
    stream(`${hello}event: error\ndata: upstream failed\n\n`),
    "Hello, world MODEL_UNAVAILABLE!",
  ],
  [
    "an error that is a string, in the stream",
    stream(hello + data({ error: "out of memory" })),
    "Hello, world MODEL_UNAVAILABLE!",
  ],
  [
    "Anthropic's error",
    stream(`${hello}event: error\n${data({ type: "error", error: { type: "overloaded_error", message: "x" } })}`),
    "Hello, world MODEL_UNAVAILABLE!",
  ],
  [
    "vLLM's error in the stream",
    stream(hello + data({ object: "error", message: "prompt is too long", code: 400 })),
    "Hello, world CONTEXT_TOO_LARGE",
  ],
  ["error: null in every chunk", stream(whole.replaceAll('"id":', '"error":null,"id":')), "Hello, world stop"],
];

const filtered = (error: object) => response("application/json", json({ error }));
const filters: Row[] = [
  [
    "Azure's, in mid-answer",
    stream(hello + data({ error: { message: "The response was filtered.", code: "content_filter" } })),
    "Hello, world content_filter",
  ],
  [
    "DashScope's, in mid-answer",
    stream(
      hello +
        data({ error: { message: "Output data may contain inappropriate content.", code: "data_inspection_failed" } }),
    ),
    "Hello, world content_filter",
  ],
  [
    "an error event's",
    stream(`${hello}event: error\n${data({ code: "content_policy_violation" })}`),
    "Hello, world content_filter",
  ],
  ["at the beginning", stream(data({ error: { code: "content_filter", status: 400 } })), " content_filter"],
  ["with status 200", filtered({ code: "content_filter", message: "x" }), " content_filter"],
  ["after the end", stream(hello + stop + data({ error: { code: "content_filter" } })), "Hello, world stop"],
  [
    "a filter that failed",
    filtered({ code: "content_filter_error", message: "The contents are not filtered" }),
    " MODEL_UNAVAILABLE",
  ],
];

const refused = (status: string, error: object): RawAnswer => ({
  head: `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nconnection: close`,
  pieces: [json({ error })],
});
const filterStatuses: Row[] = [
  [
    "Azure's",
    refused("400 Bad Request", {
      message: "… triggering Azure OpenAI's content management policy.",
      code: "content_filter",
    }),
    " content_filter",
  ],
  [
    "DeepSeek's",
    refused("400 Bad Request", { message: "Content Exists Risk", code: "invalid_request_error" }),
    " content_filter",
  ],
  [
    "Moonshot's",
    refused("400 Bad Request", { message: "considered high risk", type: "content_filter" }),
    " content_filter",
  ],
  ["xAI's", refused("403 Forbidden", { message: "Content violates usage guidelines." }), " content_filter"],
  [
    "OpenRouter's",
    refused("403 Forbidden", { message: 'Your input was flagged for "violence".', code: 403 }),
    " content_filter",
  ],
  [
    "LiteLLM's",
    refused("400 Bad Request", { message: "litellm.ContentPolicyViolationError: x", code: "400" }),
    " content_filter",
  ],
  ["no access", refused("403 Forbidden", { message: "no access" }), " MODEL_UNAVAILABLE"],
  ["a failure", refused("500 Internal Server Error", { code: "content_filter" }), " MODEL_UNAVAILABLE!"],
];

const unreadable: Row[] = [
  ["Python's objects", stream(`data: {'choices': [{'delta': {'content': 'a'}}]}\n\n${done}`), " MODEL_UNAVAILABLE"],
  [
    "a body of 3 MB in one line",
    response("application/json", json({ ...completion, x: "x".repeat(3_000_000) })),
    " MODEL_UNAVAILABLE",
  ],
  [
    "a body of 3 MB in many lines",
    response("application/json", JSON.stringify({ x: Array(300_000).fill("xxx") }, null, 2)),
    " MODEL_TRUNCATED",
  ],
];

const anthropic = [
  { type: "message_start", message: { id: "m", role: "assistant", content: [] } },
  { type: "ping" },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } },
  { type: "message_stop" },
];
const otherApis: Row[] = [
  ["Anthropic's", stream(anthropic.map((one) => `event: ${one.type}\n${data(one)}`).join("")), " MODEL_UNAVAILABLE"],
  [
    "OpenAI's responses",
    stream(`${data({ type: "response.output_text.delta", delta: "Hello" })}${data({ type: "response.completed" })}`),
    " MODEL_UNAVAILABLE",
  ],
  ["Workers AI's", stream(`${data({ response: "Hello" })}${data({ response: "" })}${done}`), " MODEL_UNAVAILABLE"],
  ["none: pings only", stream(data({ type: "ping" })), " MODEL_TRUNCATED!"],
  ["none: an unknown event before the chunks", stream(data({ response: "x" }) + whole), "Hello, world stop"],
];

describe.each([
  ["status 200 with", bodies],
  ["a stream that has", errors],
  ["another API's stream:", otherApis],
  ["a filter's word:", filters],
  ["a filter's word with a status:", filterStatuses],
  ["nothing that can be read:", unreadable],
])("%s", (_name, rows) => {
  test.concurrent.for(rows)("%s", async ([, answer, expected], { expect }) => {
    expect(await outcomeOf(answer)).toBe(expected);
  });
});

test("what is said of the cause names no content", async ({ expect }) => {
  await using provider = await startRawProvider([
    response("application/json", json({ model: "m", message: { content: "secret" } })),
  ]);
  const { error } = await collectUntilError(createClient(provider.baseURL), question, never());
  expect(String(error instanceof Error ? error.cause : error)).not.toContain("secret");
});
