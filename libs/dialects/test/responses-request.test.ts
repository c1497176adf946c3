import { ChatError } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { ZodError } from "zod";
import { openAiErrorOf } from "../src/openai/error.ts";
import { questionIdOf, requestIdOf, responseIdOf } from "../src/responses/addresses.ts";
import { decodeResponse, messageIn, ResponsesRequest } from "../src/responses/decode.ts";

const place = { conversation_id: "c_1", turn_id: "t0", segment: 0 };
const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown, more: object = {}) => ({ type: "message", role: "assistant", content, ...more });
const read = (body: object) => ResponsesRequest.parse(body);
const asked = (body: object) => decodeResponse(read(body));
const said = (body: object, isKept = true) => messageIn(read(body), isKept ? { calls: [] } : undefined);

const nested: unknown = JSON.parse(`${"[".repeat(20_000)}${"]".repeat(20_000)}`);

function failureOf(decode: () => unknown) {
  try {
    decode();
  } catch (thrown) {
    // As a route does it.
    if (thrown instanceof ZodError) return openAiErrorOf(new ChatError("INVALID_FRAME", { cause: thrown })).error;
    if (thrown instanceof ChatError) return openAiErrorOf(thrown).error;
  }
  throw new Error("It was taken.");
}

describe("what a request asks", () => {
  test("is a text, or the last message of a user", () => {
    expect(said({ input: "Hi" }).message).toBe("Hi");
    expect(said({ input: [user("Hi")] }).message).toBe("Hi");
    const parts = [
      { type: "input_text", text: "one" },
      { type: "input_text", text: "two" },
    ];
    expect(said({ input: [user("before"), assistant("answer"), user(parts)] }).message).toBe("one\ntwo");
  });

  test("is all of it where no conversation is named", () => {
    const input = [user("My name is Ada."), assistant("Hello Ada."), user("My name?")];
    const { message, given, instructions } = said({ input, instructions: "Be brief." }, false);
    expect([message, instructions]).toEqual(["My name?", "Be brief."]);
    expect(given?.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "My name is Ada." },
      { role: "assistant", content: "Hello Ada." },
      { role: "user", content: "My name?" },
    ]);
    // In one that is kept here the log is the truth, and the agent has its own instructions.
    const kept = said({ input, instructions: "Be brief." });
    expect([kept.given, kept.instructions]).toEqual([undefined, undefined]);
    expect(said({ input: "Hi" }, false).given).toBeUndefined();
  });

  test("may bring tools, and results of them", () => {
    const tool = { type: "function", name: "weather", description: "Tells it.", parameters: { type: "object" } };
    const call = { type: "function_call", call_id: "c1", name: "weather", arguments: "{}" };
    const output = { type: "function_call_output", call_id: "c1", output: "12 degrees" };
    const choice = { type: "function", name: "weather" };
    const { given, tools } = said({ input: [user("?"), call, output], tools: [tool], tool_choice: choice }, false);
    expect(given).toMatchObject({
      messages: [
        { role: "user" },
        { role: "assistant", calls: [{ call_id: "c1", tool_name: "weather" }] },
        { role: "tool", call_id: "c1", content: "12 degrees" },
      ],
      tools: [{ name: "weather" }],
      tool_choice: { name: "weather" },
    });
    expect(tools).toEqual([expect.objectContaining({ name: "weather", type: "function" })]);
    // A call of an answer that is kept here, or one that stands beside it.
    expect(said({ input: [{ ...output, call_id: "t0-0-0" }] }).message).toContain("12 degrees");
    expect(said({ input: [call, output] }).message).toContain('<tool_result tool="weather">');
    expect(failureOf(() => said({ input: [output] }))).toMatchObject({ param: "input[0].call_id" });
  });

  test("may say how to answer", () => {
    const format = { type: "json_schema", name: "x", schema: { type: "object" } };
    const body = {
      input: "Hi",
      temperature: 0.2,
      max_output_tokens: 9,
      text: { format },
      reasoning: { effort: "low" },
    };
    expect(said(body).given).toEqual({
      max_tokens: 9,
      options: {
        temperature: 0.2,
        reasoning_effort: "low",
        response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } },
      },
    });
  });
});

describe("what a request goes on from", () => {
  const id = responseIdOf(place);

  test("is named, or known by an item of it", () => {
    expect(asked({ input: "Hi", previous_response_id: id })).toMatchObject({ previous: place, isPreviousNamed: true });
    const input = [user("a"), { type: "item_reference", id: questionIdOf(place) }, user("b")];
    expect(asked({ input })).toMatchObject({ previous: place, isPreviousNamed: false });
    expect(asked({ input: [assistant("x", { id: "msg_68e1" }), user("b")] }).previous).toBeUndefined();
    expect(asked({ input: "Hi", conversation: { id: "mine" } }).conversation).toBe("mine");
  });

  test("may be a wait for people's words", () => {
    const request = requestIdOf("t0-0-0", place);
    const answer = { type: "mcp_approval_response", approval_request_id: request, approve: false, reason: "no" };
    const decision = { place, call_id: "t0-0-0", approved: false, reason: "no" };
    expect(asked({ input: [answer], previous_response_id: id }).decisions).toEqual([decision]);
    // Without the response's name, behind all that was said before, as clients do that keep the history.
    const history = [user("a"), { type: "mcp_approval_request", id: request }, answer];
    expect(asked({ input: history }).decisions).toEqual([decision]);
    // What was decided long ago is no decision.
    expect(asked({ input: [...history, assistant("Not done."), user("b")] }).decisions).toEqual([]);
  });
});

describe("what cannot be done is said with its field", () => {
  const image = { type: "input_image", image_url: "https://example.org/a.png" };
  test.each([
    ["store", { input: "Hi", store: false }],
    ["prompt", { input: "Hi", prompt: { id: "pmpt_1" } }],
    ["conversation", { input: "Hi", conversation: "a", previous_response_id: responseIdOf(place) }],
    ["previous_response_id", { input: "Hi", previous_response_id: "resp_68e1" }],
    ["input[0].content[1].image_url", { input: [user([{ type: "input_text", text: "?" }, image])] }],
    ["input[0].content[0].file_url", { input: [user([{ type: "input_file", file_url: image.image_url }])] }],
    ["input[0].type", { input: [{ type: "computer_call_output", call_id: "c" }] }],
    ["input", { input: [assistant("Hi")] }],
    ["input", {}],
    ["input[0].approval_request_id", { input: [{ type: "mcp_approval_response", approval_request_id: "x" }] }],
    ["tools[0].type", { input: "Hi", tools: [{ type: "web_search" }] }],
    ["tool_choice", { input: "Hi", tool_choice: { type: "web_search" } }],
    ["tool_choice", { input: "Hi", tool_choice: "required" }],
  ])("%s", (param, body) => {
    const failure = failureOf(() => {
      asked(body);
      said(body);
    });
    expect(failure.param).toBe(param);
    expect(failure.message).toMatch(/\.$/);
  });

  test.each([
    ["a message", { input: [{ ...user("Hi"), x: nested }] }],
    ["a tool", { input: "Hi", tools: [{ type: "function", name: "f", parameters: { a: nested } }] }],
  ])("what is nested so deep that it could not be written again, in %s", (_where, body) => {
    expect(failureOf(() => said(body, false))).toMatchObject({ code: "invalid_request" });
  });

  test("what is nested so deep may be sent where it is not read", () => {
    const input = [{ type: "reasoning", summary: nested }, user("Hi")];
    expect(said({ input }, false).message).toBe("Hi");
  });

  test("a decision beside a message", () => {
    const answer = { type: "mcp_approval_response", approval_request_id: requestIdOf("t0-0-0", place), approve: true };
    expect(failureOf(() => asked({ input: [answer, user("and this")] }))).toMatchObject({ code: "unsupported" });
  });

  test.each([
    [{ input: "Hi", metadata: { a: "x".repeat(513) } }],
    [{ input: "Hi", metadata: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, "v"])) }],
    [{ input: "Hi", stream: "yes" }],
    [{ input: 7 }],
  ])("what is not of its form is not taken: %j", (body) => {
    expect(ResponsesRequest.safeParse(body).success).toBe(false);
  });
});
