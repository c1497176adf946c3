import { expect, test } from "vitest";
import { createLogger } from "@parley/runtime";
import { createModelAbilities } from "../../src/model/abilities.ts";
import type { ModelRequest } from "../../src/model/model.ts";
import { providerFrom } from "../../src/model/provider.ts";
import {
  chunk,
  collect,
  createClient,
  never,
  sendJson,
  sendStream,
  startProvider,
  withTool,
  type Answer,
} from "./fake-provider.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const provider = providerFrom({
  OPENAI_BASE_URL: "https://x.openai.azure.com/v1",
  OPENAI_API_KEY: "k",
  OPENAI_MODEL: "m",
});
const everything = () => createModelAbilities({ provider, log });
const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  ...withTool,
  messages: [
    { role: "system", content: "Be kind." },
    { role: "user", content: "now?" },
  ],
  ...more,
});

test.each([
  ["tools are not supported", "tools are not supported"],
  ["Please: the 'system' role is not supported", "[{'input': \"Please: the 'system' role is not supported\"}]"],
  ["one\n tools are not supported here", "invalid: 'one\\n tools are not supported here'"],
  ["a long one: stream_options is unknown, and so on", "input_value='a long one: stream_options is unk...and so on'"],
])("what the server quotes of the conversation teaches nothing: %j", (content, words) => {
  const quoted = request({
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content },
    ],
  });
  expect(everything().learn(quoted, { status: 422, words })).toBe(false);
  expect(everything().learn(request(), { status: 422, words })).toBe(true);
  // What it says beside it is its own.
  expect(everything().learn(quoted, { status: 422, words: `${words}; unknown field parallel_tool_calls` })).toBe(true);
});

test("a conversation of a megabyte is looked through for quotations in no time to speak of", () => {
  const content = "the tools of the trade are not supported here ".repeat(25_000);
  const long = request({ messages: [{ role: "user", content }] });
  // Of this process: on a busy machine time goes by that it did not get.
  const before = process.cpuUsage();
  expect(everything().learn(long, { status: 400, words: `does not support tools: ${content.slice(0, 60_000)}` })).toBe(
    true,
  );
  const spent = process.cpuUsage(before);
  expect(spent.user + spent.system).toBeLessThan(2_000_000);
});

test.each<[string, Answer]>([
  ["body", (res) => sendJson(res, 200, { error: { message: "m does not support tools", code: 400 } })],
  ["event", (res) => sendStream(res, { error: { message: "m does not support tools", code: 400 } })],
])("a refusal in a response with status 200 teaches as well: %s", async (_name, refuse) => {
  await using server = await startProvider((res, { body }, turn) =>
    "tools" in body ? refuse(res, { body } as never, turn) : sendStream(res, chunk({ content: "noon" }, "stop")),
  );
  const client = createClient(server.baseURL);
  await collect(client, request(), never());
  expect(server.requests).toHaveLength(2);
  await collect(client, request(), never());
  expect(server.requests).toHaveLength(3);
});

test("an error in mid-answer teaches nothing", async () => {
  await using server = await startProvider((res) =>
    sendStream(res, chunk({ content: "no" }), { error: { message: "m does not support tools", code: 400 } }),
  );
  await expect(collect(createClient(server.baseURL), request(), never())).rejects.toMatchObject({
    code: "MODEL_UNAVAILABLE",
  });
  expect(server.requests).toHaveLength(1);
});

test("what a server repeats of the request in fields of their own teaches nothing", async () => {
  const input = "tools are not supported here, 'system' role is not supported, stream_options unknown";
  const loc = ["body", "messages", 1, "content"];
  const detail = [{ type: "string_too_long", loc, msg: "Too long", input, ctx: { input } }];
  await using server = await startProvider((res) => sendJson(res, 422, { detail }));
  await expect(collect(createClient(server.baseURL), request(), never())).rejects.toMatchObject({
    code: "MODEL_UNAVAILABLE",
  });
  expect(server.requests).toHaveLength(1);
});

test("a place in the request is named by the server's own words", async () => {
  const detail = [
    { type: "extra_forbidden", loc: ["body", "tools"], msg: "Extra inputs are not permitted", input: [] },
  ];
  await using server = await startProvider((res, { body }) =>
    "tools" in body ? sendJson(res, 422, { detail }) : sendStream(res, chunk({ content: "noon" }, "stop")),
  );
  await collect(createClient(server.baseURL), request(), never());
  expect(server.requests).toHaveLength(2);
});
