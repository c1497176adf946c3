import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { ChatError } from "@parley/protocol";
import {
  chunk,
  collect,
  collectUntilError,
  createClient,
  never,
  question,
  sendJson,
  sendStream,
  startProvider,
  withTool,
  writeChunks,
  type Answer,
} from "./fake-provider.ts";
import { isTransient } from "../../src/model/model-error.ts";
import type { ModelRequest } from "../../src/model/model.ts";

async function failureOf(answer: Answer, request: ModelRequest = question) {
  await using provider = await startProvider(answer);
  const { events, error } = await collectUntilError(provider.client(), request, never());
  if (!(error instanceof ChatError)) throw new Error("not a ChatError", { cause: error });
  expect(provider.requests).toHaveLength(1);
  return { events, error, transient: isTransient(error), logged: String(error.cause) };
}

const apiError = (message: string, code: string | null = null) => ({
  error: { message, type: "t", param: null, code },
});

describe("an answer with a status", () => {
  test.each<[number, unknown, string, boolean, string]>([
    [400, apiError("Bad parameter"), "MODEL_UNAVAILABLE", false, "The language model refused the request."],
    [
      401,
      apiError("Incorrect API key provided: sk-te***7890"),
      "MODEL_UNAVAILABLE",
      false,
      "The language model refused the credentials.",
    ],
    [
      402,
      apiError("Insufficient credits"),
      "MODEL_UNAVAILABLE",
      false,
      "The account at the language model's provider has no credit left.",
    ],
    [403, apiError("Forbidden"), "MODEL_UNAVAILABLE", false, "The language model refused the credentials."],
    [
      404,
      apiError("The model `x` does not exist", "model_not_found"),
      "MODEL_UNAVAILABLE",
      false,
      "The provider does not know this language model.",
    ],
    [408, apiError("Timeout"), "MODEL_UNAVAILABLE", true, "The language model cannot be reached."],
    [
      429,
      apiError("Slow down", "rate_limit_exceeded"),
      "MODEL_UNAVAILABLE",
      true,
      "The language model has too many requests at the moment.",
    ],
    [
      429,
      apiError("You exceeded your quota", "insufficient_quota"),
      "MODEL_UNAVAILABLE",
      false,
      "The account at the language model's provider has no credit left.",
    ],
    [500, apiError("Oops"), "MODEL_UNAVAILABLE", true, "The language model cannot be reached."],
    [503, "<html>Service Unavailable</html>", "MODEL_UNAVAILABLE", true, "The language model cannot be reached."],
    [413, apiError("Too big"), "CONTEXT_TOO_LARGE", false, "The conversation no longer fits the model."],
  ])("%i %j is %s, worth repeating: %s", async (status, body, code, transient, message) => {
    expect(await failureOf((res) => sendJson(res, status, body))).toMatchObject({
      error: { code, message },
      transient,
      events: [],
    });
  });

  test.each([
    apiError(
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
      "context_length_exceeded",
    ),
    apiError("too long", "context_length_exceeded"),
    apiError("the request exceeds the available context size, try increasing it"),
    {
      object: "error",
      message: "This model's maximum context length is 4096 tokens",
      type: "BadRequestError",
      code: 400,
    },
    { detail: "prompt is too long: 300000 tokens > 200000 maximum" },
    ...[
      "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`",
      "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
      "Input is too long for requested model.",
      "Prompt exceeds max length",
      "Invalid request: Your request exceeded model token limit: 8192",
      "invalid params, context window exceeds limit (2013)",
      "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
      "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
      "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
      "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
      "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
      "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
      "Prompt length 9000 is greater than max_seq_len 8192",
      "Prompt length (9000) exceeds maximum input length (8192).",
      "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
      "The model returned the following errors: Input tokens exceeded max context length",
      "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
      "inputs token limit exceeded: requested 9000 > maximum 8192",
      "litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException",
      "the max length of current question is 20000",
      "Prompt 超长",
    ].map((message) => apiError(message)),
  ])("400 %j is CONTEXT_TOO_LARGE", async (body) => {
    expect(await failureOf((res) => sendJson(res, 400, body))).toMatchObject({
      error: { code: "CONTEXT_TOO_LARGE" },
      transient: false,
    });
  });

  test("500 about the context is CONTEXT_TOO_LARGE", async () => {
    const body = apiError("the request exceeds the available context size. try increasing the context size");
    expect(await failureOf((res) => sendJson(res, 500, body))).toMatchObject({ error: { code: "CONTEXT_TOO_LARGE" } });
  });

  test.each([
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
    "Invalid 'messages[0].name': string too long. Expected a string with maximum length 64, but got one with length 90.",
    "Invalid input: temperature is greater than 2",
  ])("400 about another size is not: %s", async (message) => {
    expect(await failureOf((res) => sendJson(res, 400, apiError(message)))).toMatchObject({
      error: { code: "MODEL_UNAVAILABLE" },
    });
  });

  test.each([
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
    "max_tokens must be less than or equal to 8192, the maximum value for max_tokens",
    "Range of max_tokens should be [1, 8192]",
    "Invalid 'tools[0].function.description': string too long. Expected a string with maximum length 1024",
    "tools.0.name: String should have at most 64 characters",
    "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40",
  ])("400 %j is not about the context", async (message) => {
    expect(await failureOf((res) => sendJson(res, 400, apiError(message)))).toMatchObject({
      error: { code: "MODEL_UNAVAILABLE" },
      transient: false,
    });
  });

  test.each(["tool_use_failed", "output_parse_failed"])(
    "400 %s is the model's mistake, worth repeating",
    async (code) => {
      const error = { message: "Failed to call a function.", type: "invalid_request_error", code, status_code: 400 };
      for (const answer of [
        (res: Parameters<Answer>[0]) => sendJson(res, 400, { error }),
        (res: Parameters<Answer>[0]) => sendStream(res, chunk({ role: "assistant" }), { error }),
      ]) {
        const failure = await failureOf(answer, withTool);
        expect(failure).toMatchObject({ error: { code: "MODEL_UNAVAILABLE" }, transient: true });
        expect(failure.error.message).toMatch(/wrote what its server cannot read/);
      }
    },
  );

  test.each([
    [{ "retry-after-ms": "1500", "retry-after": "9" }, 1500],
    [{ "retry-after": "3" }, 3000],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "99999999999" }, 86_400_000],
    [{ "retry-after-ms": "1e15" }, 86_400_000],
    [{ "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }, 86_400_000],
    [{ "retry-after": "-5" }, 0],
    [{}, undefined],
  ])("with %j says to come back after %s ms", async (headers, retryAfterMs) => {
    expect((await failureOf((res) => sendJson(res, 429, apiError("Slow down"), headers))).error.retryAfterMs).toBe(
      retryAfterMs,
    );
  });

  test("that is not worth repeating says nothing of coming back, whatever its headers say", async () => {
    const noCredit: Answer = (res) => sendJson(res, 429, apiError("Pay", "insufficient_quota"), { "retry-after": "3" });
    expect((await failureOf(noCredit)).error.retryAfterMs).toBeUndefined();
  });

  test("with a date in retry-after says how long that is from now", async () => {
    const date = new Date(Date.now() + 10_000).toUTCString();
    const { error } = await failureOf((res) => sendJson(res, 503, apiError("Busy"), { "retry-after": date }));
    expect(error.retryAfterMs).toBeGreaterThan(7_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(10_000);
  });

  test("with x-should-retry: false is not worth repeating", async () => {
    expect(await failureOf((res) => sendJson(res, 500, apiError("No"), { "x-should-retry": "false" }))).toMatchObject({
      transient: false,
    });
  });
});

test("keeps the provider's words and the key out of the message, and the key out of the log", async () => {
  const secret = "sk-test-1234567890";
  const bad = await failureOf((res) => sendJson(res, 400, apiError(`bad thing for ${secret}`)));
  expect(bad.error.message).not.toContain("bad thing");
  expect(bad.logged).toContain("bad thing for [key]");
  const unauthorized = await failureOf((res) =>
    sendJson(res, 401, apiError("Incorrect API key provided: sk-te***7890", "invalid_api_key")),
  );
  expect(unauthorized.logged).toContain("401");
  expect(unauthorized.logged).not.toContain("sk-te");
});

test("keeps at most a few lines of a large error body, and does not read it to the end", async () => {
  const { error, logged } = await failureOf((res) => {
    res.writeHead(500);
    res.write("x".repeat(4 * 1024 * 1024));
  });
  expect(error.code).toBe("MODEL_UNAVAILABLE");
  expect(logged.length).toBeLessThan(500);
});

test("an error whose body never comes is what its status says", async () => {
  const { error } = await failureOf((res) => {
    res.writeHead(401, { "content-type": "application/json" });
    res.write('{"error":');
  });
  expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE", message: "The language model refused the credentials." });
});

test("a refused connection is MODEL_UNAVAILABLE", async () => {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const port = typeof address === "object" ? address?.port : undefined;
  listener.close();
  await once(listener, "close");
  const { error } = await collectUntilError(createClient(`http://127.0.0.1:${port}/v1`), question, never());
  expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE", message: "The language model cannot be reached." });
  expect(isTransient(error)).toBe(true);
  expect(String((error as ChatError).cause)).toContain("ECONNREFUSED");
});

describe("a stream is MODEL_TRUNCATED", () => {
  const text = { type: "text", text: "Hel" };

  test("when it ends cleanly without finish_reason", async () => {
    const failure = await failureOf((res) => (writeChunks(res, chunk({ content: "Hel" })), res.end()));
    expect(failure).toMatchObject({ error: { code: "MODEL_TRUNCATED" }, transient: true, events: [text] });
  });

  test("when the connection is reset in mid-stream", async () => {
    const failure = await failureOf((res) => {
      writeChunks(res, chunk({ content: "Hel" }));
      res.write(": flush\n\n", () => res.socket?.resetAndDestroy());
    });
    expect(failure).toMatchObject({ error: { code: "MODEL_TRUNCATED" }, transient: true });
    expect(failure.logged).toMatch(/ECONNRESET/);
  });

  test("when a chunk is not JSON, and the log does not quote it", async () => {
    const failure = await failureOf((res) => {
      writeChunks(res, chunk({ content: "Hel" }));
      res.end('data: {"secret words\n\n');
    });
    expect(failure).toMatchObject({ error: { code: "MODEL_TRUNCATED" }, transient: true, events: [text] });
    expect(failure.logged).not.toContain("secret");
  });

  test("when one event grows without an end", async () => {
    const failure = await failureOf((res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(`data: ${"x".repeat(33 * 1024 * 1024)}`);
    });
    expect(failure).toMatchObject({ error: { code: "MODEL_TRUNCATED" } });
  });

  const beginOfCall = chunk({
    tool_calls: [{ index: 0, id: "a", function: { name: "clock", arguments: '{"zone":' } }],
  });

  test("when the output limit cut the arguments of a call, which is not worth repeating", async () => {
    const failure = await failureOf((res) => sendStream(res, beginOfCall, chunk({}, "length")), withTool);
    expect(failure).toMatchObject({ error: { code: "MODEL_TRUNCATED" }, transient: false, events: [] });
  });

  test("when the tool calls grow too large", async () => {
    const part = chunk({ tool_calls: [{ index: 0, function: { arguments: "x".repeat(60_000) } }] });
    const failure = await failureOf(
      (res) => sendStream(res, beginOfCall, ...Array<object>(9).fill(part), chunk({}, "tool_calls")),
      withTool,
    );
    expect(failure).toMatchObject({ error: { code: "MODEL_TRUNCATED" }, transient: false });
  });

  test("when a call has no name", async () => {
    const nameless = chunk({ tool_calls: [{ index: 0, id: "a", function: { arguments: "{}" } }] });
    expect(await failureOf((res) => sendStream(res, nameless, chunk({}, "tool_calls")), withTool)).toMatchObject({
      error: { code: "MODEL_TRUNCATED" },
    });
  });
});

describe("an error event inside the stream", () => {
  test("may be a finish_reason", async () => {
    expect(await failureOf((res) => sendStream(res, chunk({ content: "Hel" }), chunk({}, "error")))).toMatchObject({
      error: { code: "MODEL_UNAVAILABLE", message: "The language model reported an error." },
      transient: true,
    });
  });

  test("is MODEL_UNAVAILABLE, without its words", async () => {
    const failure = await failureOf((res) => sendStream(res, chunk({ content: "Hel" }), apiError("upstream details")));
    expect(failure).toMatchObject({
      error: { code: "MODEL_UNAVAILABLE", message: "The language model reported an error." },
      transient: true,
    });
  });

  test("counts as the status it carries", async () => {
    const failure = await failureOf((res) =>
      sendStream(res, { ...chunk({}), error: { code: 401, message: "No auth credentials found" } }),
    );
    expect(failure).toMatchObject({
      error: { message: "The language model refused the credentials." },
      transient: false,
    });
  });

  test("about the context is CONTEXT_TOO_LARGE", async () => {
    const failure = await failureOf((res) => sendStream(res, apiError("The prompt is too long: 5 > 4")));
    expect(failure).toMatchObject({ error: { code: "CONTEXT_TOO_LARGE" } });
  });
});

test.each([{}, { message: "", type: "", param: "", code: null }, { message: "", code: 0, metadata: {} }])(
  "an error with nothing in it is none: %j",
  async (error) => {
    await using provider = await startProvider((res) => sendStream(res, { ...chunk({ content: "x" }, "stop"), error }));
    expect(await collect(provider.client(), question, never())).toContainEqual({ type: "text", text: "x" });
  },
);

describe("after finish_reason nothing can spoil the answer", () => {
  test.each<[string, Answer]>([
    [
      "a reset",
      (res) => (
        writeChunks(res, chunk({ content: "x" }), chunk({}, "stop")),
        res.write(": flush\n\n", () => res.socket?.resetAndDestroy())
      ),
    ],
    [
      "a chunk that is not JSON",
      (res) => (writeChunks(res, chunk({ content: "x" }), chunk({}, "stop")), res.end("data: {\n\n")),
    ],
    ["an error event", (res) => sendStream(res, chunk({ content: "x" }), chunk({}, "stop"), apiError("late"))],
  ])("%s", async (_name, answer) => {
    await using provider = await startProvider(answer);
    expect(await collect(provider.client(), question, never())).toEqual([
      { type: "text", text: "x" },
      { type: "end", finish: "stop", model: "test-model-v2" },
    ]);
  });
});
