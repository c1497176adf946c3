import { ChatError } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { ZodError } from "zod";
import { openAiErrorOf } from "../src/openai/error.ts";
import { decodeResponse, messageIn, ResponsesRequest } from "../src/responses/decode.ts";

const many = (item: unknown, count = 100_000): unknown[] => Array.from({ length: count }, () => item);
const user = (content: unknown) => ({ role: "user", content });
const mostMs = 250;

function refusalOf(body: object, isKept: boolean): string | null {
  try {
    const request = ResponsesRequest.parse(body);
    decodeResponse(request);
    messageIn(request, isKept ? { calls: [] } : undefined);
  } catch (thrown) {
    const fault = thrown instanceof ZodError ? new ChatError("INVALID_FRAME", { cause: thrown }) : thrown;
    if (fault instanceof ChatError) return openAiErrorOf(fault).error.param;
    throw thrown;
  }
  return "none";
}

describe("a body of megabytes is refused at its first fault", () => {
  test.each([
    ["items that are none", { input: many(7, 4_096) }, "input[0]"],
    ["more items than there may be", { input: many({}) }, "input"],
    ["items of wrong parts", { input: many(user(many({}, 160)), 4_096) }, "input[0].content[0].type"],
    ["a message of too many parts", { input: [user(many({}))] }, "input[0].content"],
    ["long texts", { input: many(user("x".repeat(400)), 4_000) }, "input"],
    ["more tools than there may be", { input: "Hi", tools: many({}) }, "tools"],
    [
      "wrong metadata",
      { input: "Hi", metadata: Object.fromEntries(many(0, 30_000).map((_, at) => [`k${at}`, at])) },
      "metadata",
    ],
  ])("(%s)", (_what, body, param) => {
    for (const isKept of [true, false]) {
      // Time of the processor: how long it takes by the clock depends on what else the machine does.
      const before = process.cpuUsage();
      const refused = refusalOf(body, isKept);
      expect(process.cpuUsage(before).user / 1_000).toBeLessThan(mostMs);
      expect(refused === param || (refused === "input" && param.startsWith("input"))).toBe(true);
    }
  });

  test("of a conversation that is kept here no more than its heads is read before the last answer", () => {
    const before = [user(many({}, 9)), { type: "message", role: "assistant", content: many({}, 9) }];
    const input = [{ role: "user", content: 7 }, ...many(before[0], 10), user("Hi")];
    expect(refusalOf({ input: [...before, { role: "assistant", content: "a" }, user("Hi")] }, false)).toMatch(
      /^input\[0\]/,
    );
    expect(refusalOf({ input: [before[0], user("x"), { role: "assistant", content: "a" }, user("Hi")] }, true)).toBe(
      "none",
    );
    expect(refusalOf({ input }, true)).toMatch(/^input\[0\]/);
  });
});

test("a result of a call that is kept here has the name of its tool", () => {
  const request = ResponsesRequest.parse({
    input: [{ type: "function_call_output", call_id: "t0-0-0", output: "18 C" }],
  });
  expect(decodeResponse(request).keptCall).toBe("t0-0-0");
  const calls = [{ call_id: "t0-0-0", tool_name: "get_weather", arguments: "{}" }];
  expect(messageIn(request, { calls }).message).toBe('<tool_result tool="get_weather">\n18 C\n</tool_result>');
});
