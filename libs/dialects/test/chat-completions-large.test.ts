import { ChatError } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { CompletionRequest, decodeCompletion } from "../src/chat-completions/decode.ts";
import { bounded, excessOf, parseItems } from "../src/openai/bounded.ts";
import { openAiErrorOf } from "../src/openai/error.ts";

/** As many values as the edge parses of a body, at most. */
const mostValues = 96 * 1024;
const many = <T>(item: T, count = mostValues): T[] => Array.from({ length: count }, () => item);
const user = (content: unknown) => ({ role: "user", content });
const keys = (): object => Object.fromEntries(many(0).map((zero, index) => [`key ${index}`, zero]));
const text = "x".repeat(400);

function refusalOf(more: object, isStateless: boolean): string | null {
  const parsed = CompletionRequest.safeParse({ model: "parley", messages: [user("Hi")], ...more });
  if (!parsed.success) return openAiErrorOf(new ChatError("INVALID_FRAME", { cause: parsed.error })).error.param;
  try {
    decodeCompletion(parsed.data, { isStateless, isTask: false });
    return null;
  } catch (error) {
    return error instanceof ChatError ? openAiErrorOf(error).error.param : String(error);
  }
}

/** The processor's own time: other processes do not count. */
function spentMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  return process.cpuUsage(before).user / 1_000;
}

/** It is about a tenth of it. A schema of the whole took seconds. */
const mostMs = 250;

const history = [...many(user(text), 3_900), { role: "assistant", content: "Yes." }, user("Hi")];

describe("a request of megabytes costs no more than it takes to refuse it", () => {
  test.each([
    [
      "thousands of messages of wrong parts",
      { messages: many(user(many({}, 30)), 4_000) },
      "messages",
      "messages[0].content",
    ],
    ["one message of them", { messages: [user(many({}))] }, "messages[0].content", "messages[0].content"],
    [
      "hundreds of messages of empty texts",
      { messages: many(user(many({ type: "text", text: "" }, 38)), 512) },
      "messages",
      null,
    ],
    ["more messages than there may be", { messages: many({}) }, "messages", "messages"],
    ["text that is too long", { messages: [user("x".repeat(2_000_000))] }, "messages", "messages"],
    ["a long history", { messages: history }, "messages", null],
    [
      "a call for each value",
      { messages: [{ role: "assistant", tool_calls: many({}) }, user("Hi")] },
      "messages[0].tool_calls",
      "messages[0].tool_calls",
    ],
    ["more tools than there may be", { tools: many({}) }, "tools", "tools"],
    [
      "a tool with a large schema",
      { tools: [{ type: "function", function: { name: "f", parameters: keys() } }] },
      "tools",
      "tools",
    ],
    ["a large format", { response_format: { type: "json_schema", ...keys() } }, "response_format", "response_format"],
    ["wrong ends", { stop: many(0) }, "stop", "stop"],
    ["wrong kinds", { modalities: many(0) }, "modalities", "modalities"],
    ["a large bias", { logit_bias: keys() }, "logit_bias", "logit_bias"],
    ["metadata that nobody reads", { metadata: keys() }, null, null],
  ])("(%s)", (_what, more, whole, named) => {
    for (const [isStateless, param] of [
      [true, whole],
      [false, named],
    ] as const) {
      let refusal: string | null = "";
      expect(
        spentMs(() => {
          refusal = refusalOf(more, isStateless);
        }),
      ).toBeLessThan(mostMs);
      expect(refusal).toBe(param);
    }
  });

  test("of a conversation that is kept here nothing is read before the last answer", () => {
    const messages = [{ role: "robot" }, 7, user(many({}, 9)), { role: "assistant", content: many({}, 9) }, user("Hi")];
    expect(refusalOf({ messages }, false)).toBeNull();
    expect(refusalOf({ messages }, true)).toBe("messages[0].role");
  });
});

describe("items", () => {
  const Item = z.object({ n: z.number() });

  test("are looked at to the first that is wrong", () => {
    let seen = 0;
    const Seen = Item.refine(() => ++seen > 0);
    const items = [{ n: 1 }, { n: "two" }, { n: 3 }];
    expect(() => parseItems(Seen, items, { list: "input", start: 4 })).toThrow("input[5]: n must be a number.");
    expect(seen).toBe(1);
    expect(() => parseItems(Item, [0], { list: "input" })).toThrow("is not valid: input[0] must be an object.");
    expect(parseItems(Item, [{ n: 1, more: 2 }], { list: "input" })).toEqual([{ n: 1 }]);
  });

  test("that are too many are not looked at", () => {
    let seen = 0;
    const Seen = z.unknown().refine(() => ++seen > 0);
    const parsed = bounded(z.array(Seen), { maxItems: 2 }).safeParse([1, 2, 3]);
    expect([parsed.success, parsed.error?.issues[0]?.message, seen]).toEqual([false, "must have at most 2 entries", 0]);
  });

  test("count at least as their JSON has bytes", () => {
    const value = { a: ["ä", 1, null, { b: true }], c: {} };
    const bytes = Buffer.byteLength(JSON.stringify(value));
    expect(excessOf(value, { maxBytes: bytes })).toBeUndefined();
    expect(excessOf(value, { maxBytes: bytes / 2 })).toMatch(/^is larger than/);
    expect(excessOf([[[]]], { maxBytes: 9, maxLevels: 2 })).toBe("is nested deeper than 2 levels");
  });
});
