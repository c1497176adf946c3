import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChatError } from "@parley/protocol";
import { createAnswerReader, type AnswerReaderOptions, type StreamEnd } from "../../src/model/answer-reader.ts";
import { isTransient } from "../../src/model/model-error.ts";
import type { ModelEvent } from "../../src/model/model.ts";
import { outcomeOf } from "./deviation.ts";
import { deviations } from "./deviations.ts";
import { chunk } from "./fake-provider.ts";

function read(chunks: readonly unknown[], how: StreamEnd = "done"): ModelEvent[] {
  const reader = createAnswerReader("asked");
  return [...chunks.flatMap((one) => reader.read(one).events), ...reader.end(how)];
}

describe("an answer comes out right although a server sends", () => {
  test.each(deviations)("%s", (_name, chunks, expected) => {
    expect(outcomeOf(read(chunks))).toMatchObject(expected);
  });
});

test("no chunk makes the reader throw, whatever is in it", () => {
  const names = ["content", "reasoning", "tool_calls", "function_call", "function", "arguments", "index", "id", "text"];
  const leaf = fc.oneof(fc.constantFrom(null, true, 0, -1, "", "x", "<think>", "{}"), fc.string({ maxLength: 3 }));
  const { any } = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 5, depthSize: "small" }, leaf, tie("list"), tie("object")),
    list: fc.array(tie("any"), { maxLength: 3 }),
    object: fc.dictionary(fc.constantFrom(...names, "delta", "message", "usage"), tie("any"), { maxKeys: 4 }),
  }));
  const odd = fc.record({ choices: fc.oneof(any, fc.array(any, { maxLength: 2 })), usage: any, model: any });
  fc.assert(
    fc.property(fc.array(odd, { maxLength: 4 }), (chunks) => {
      const reader = createAnswerReader("m");
      for (const one of chunks) reader.read(one);
      reader.isFinished();
    }),
    { numRuns: 300 },
  );
});

describe("the end of a stream", () => {
  test.each<[StreamEnd, string | undefined, string]>([
    ["done", undefined, "stop"],
    ["done", "length", "length"],
    ["closed", "stop", "stop"],
    ["broken", "stop", "stop"],
    ["broken", "length", "length"],
  ])("(%s) after finish_reason %s is the answer's, as %s", (how, reason, finish) => {
    expect(read([chunk({ content: "Hello" }, reason ?? null)], how).at(-1)).toMatchObject({ type: "end", finish });
  });

  test.each<StreamEnd>(["closed", "broken"])("(%s) without finish_reason is none of the answer", (how) => {
    expect(() => read([chunk({ content: "Hello" })], how)).toThrow(
      expect.objectContaining({ code: "MODEL_TRUNCATED" }),
    );
  });

  test.each([
    "error",
    "network_error",
    "insufficient_system_resource",
    "MALFORMED_FUNCTION_CALL",
    "function_call_filter: MALFORMED_FUNCTION_CALL",
  ])("is the provider's error when it says %s", (reason) => {
    const error = errorOf(() => read([chunk({ content: "Hello" }, reason)]));
    expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE" });
    expect(isTransient(error)).toBe(true);
  });
});

test("a chunk with an error is the provider's error", () => {
  expect(errorOf(() => read([{ error: { message: "busy", code: 503 } }]))).toBeInstanceOf(ChatError);
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("tool calls of a stream that broke off", () => {
  const call = (args: string, finish: string | null = "tool_calls") =>
    chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "look", arguments: args } }] }, finish);
  const rest = (args: string, finish: string | null = null) =>
    chunk({ tool_calls: [{ index: 0, function: { arguments: args } }] }, finish);

  test.each<[string, StreamEnd, object[]]>([
    ["no arguments", "broken", [call("")]],
    ["no arguments, and then finish_reason", "broken", [call("", null), chunk({}, "tool_calls")]],
    ["half of them", "broken", [call('{"x":')]],
    ["half of them, with finish_reason in every chunk", "closed", [call("", "stop"), rest('{"x":', "stop")]],
    ["no arguments, after text with finish_reason", "closed", [chunk({ content: "a" }, "stop"), call("", "stop")]],
  ])("(%s, %s) are not run, but asked for again", (_name, how, chunks) => {
    const error = errorOf(() => read(chunks, how));
    expect(error).toMatchObject({ code: "MODEL_TRUNCATED" });
    expect(isTransient(error)).toBe(true);
  });

  test.each<[string, StreamEnd, object[]]>([
    ["no arguments", "closed", [call("")]],
    ["no arguments", "done", [call("")]],
    ["no arguments, with finish_reason in every chunk", "done", [chunk({ content: "a" }, "stop"), call("", "stop")]],
    ["an empty object", "broken", [call("{}")]],
  ])("(%s, %s) are run when they are whole", (_name, how, chunks) => {
    expect(outcomeOf(read(chunks, how))).toMatchObject({ finish: "tool_calls", calls: [["look", "{}"]] });
  });
});

describe("an answer of which a part could not be read", () => {
  const callOf = (args: string) =>
    chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "look", arguments: args } }] });
  const rest = (args: string) => chunk({ tool_calls: [{ index: 0, function: { arguments: args } }] });
  const lossy = (before: object[], after: object[]): ModelEvent[] => {
    const reader = createAnswerReader("m");
    const events = before.flatMap((one) => reader.read(one).events);
    reader.lost();
    return [...events, ...after.flatMap((one) => reader.read(one).events), ...reader.end("done")];
  };
  const text = chunk({ content: "Hello" });

  test.each<[string, object[], object[]]>([
    ["in the middle of arguments", [callOf('{"x":"a')], [rest('b"}'), chunk({}, "tool_calls")]],
    ["after a whole call", [callOf("{}")], [chunk({}, "tool_calls")]],
    ["where calls were announced", [text], [chunk({}, "tool_calls")]],
  ])("is asked for again: %s", (_name, before, after) => {
    const error = errorOf(() => lossy(before, after));
    expect(error).toMatchObject({ code: "MODEL_TRUNCATED" });
    expect(isTransient(error)).toBe(true);
  });

  test.each<[string, object[], object[], object]>([
    ["text", [text], [chunk({}, "stop")], { text: "Hello", finish: "other" }],
    ["text that the limit cut", [text], [chunk({}, "length")], { text: "Hello", finish: "length" }],
    ["calls after it", [], [callOf("{}"), chunk({}, "tool_calls")], { finish: "tool_calls", calls: [["look", "{}"]] }],
    ["all of the text before it", [text, chunk({}, "stop")], [], { text: "Hello", finish: "stop" }],
  ])("keeps %s", (_name, before, after, expected) => {
    expect(outcomeOf(lossy(before, after))).toMatchObject(expected);
  });
});

test("a bare end of reasoning as the last of an answer leaves no text only if the model is known for it", () => {
  const chunks = [chunk({ content: "Hello" }), chunk({ content: "</think>" }, "stop")];
  expect(outcomeOf(read(chunks))).toMatchObject({ text: "Hello</think>", finish: "stop" });
  const reader = createAnswerReader("m", { isKnownToEnd: true });
  const events = [...chunks.flatMap((one) => reader.read(one).events), ...reader.end("done")];
  expect(outcomeOf(events)).toMatchObject({ text: "", reasoning: "Hello", finish: "empty" });
});

describe("an answer that is assumed to begin within the reasoning", () => {
  const reading = (options: AnswerReaderOptions, ...texts: string[]) => {
    const starts: string[] = [];
    const reader = createAnswerReader("m", { startsInside: true, ...options, onStartKnown: (one) => starts.push(one) });
    for (const content of texts) reader.read(chunk({ content }));
    return { reader, starts };
  };
  const call = chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "look", arguments: "{}" } }] });

  test.each<StreamEnd>(["closed", "broken"])("keeps its text when the stream breaks off (%s)", (how) => {
    const { reader, starts } = reading({}, "Hel", "lo");
    expect(errorOf(() => reader.end(how))).toMatchObject({ code: "MODEL_TRUNCATED" });
    expect(reader.breakOff()).toEqual([{ type: "text", text: "Hello" }]);
    expect(starts).toEqual([]);
  });

  test("shows no unfinished reasoning where a rule says that it is", () => {
    const { reader } = reading({ isCertain: true }, "hm");
    expect(errorOf(() => reader.end("closed"))).toMatchObject({ code: "MODEL_TRUNCATED" });
    expect(reader.breakOff()).toEqual([]);
  });

  test("is text when no end of reasoning came, and tells that answers begin otherwise", () => {
    const { reader, starts } = reading({}, "Hello");
    expect(outcomeOf(reader.end("done"))).toMatchObject({ text: "Hello", finish: "stop" });
    expect(starts).toEqual(["tagged"]);
  });

  test("tells nothing when the output limit cut it", () => {
    const { reader, starts } = reading({}, "Hello");
    reader.read(chunk({}, "length"));
    expect(outcomeOf(reader.end("done"))).toMatchObject({ text: "Hello", finish: "length" });
    expect(starts).toEqual([]);
  });

  test.each([
    [["hm</think>", "Hello"], { tagged_reasoning: "hm" }],
    [["Hello"], undefined],
  ])("keeps as reasoning what was reasoning: %j", (texts, expected) => {
    const { reader } = reading({}, ...texts);
    reader.read(call);
    const calls = reader.end("done").flatMap((event) => (event.type === "tool_calls" ? event.calls : []));
    expect(calls[0]?.provider?.message_fields).toEqual(expected);
  });
});

describe("usage", () => {
  const used = (usage: unknown, more: object = {}) =>
    read([chunk({ content: "x" }, "stop"), { choices: [], usage, ...more }]).at(-1);

  test.each<[string, unknown, [number, number]]>([
    ["as OpenAI has it", { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 }, [7, 3]],
    ["as Anthropic has it", { input_tokens: 7, output_tokens: 3 }, [7, 3]],
    ["as text", { prompt_tokens: "7", completion_tokens: "3" }, [7, 3]],
    ["with nested nulls", { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: null }, [7, 3]],
    ["as a fraction", { prompt_tokens: 6.6, completion_tokens: 3 }, [7, 3]],
    ["of a prompt alone", { prompt_tokens: 7, completion_tokens: 0 }, [7, 0]],
  ])("%s is read", (_name, usage, [input_tokens, output_tokens]) => {
    expect(used(usage)).toMatchObject({ usage: { input_tokens, output_tokens } });
  });

  test.each<[string, unknown]>([
    ["negative", { prompt_tokens: -1, completion_tokens: 3 }],
    ["not a number", { prompt_tokens: Number.NaN, completion_tokens: 3 }],
    ["endless", { prompt_tokens: 7, completion_tokens: Number.POSITIVE_INFINITY }],
    ["huge", { prompt_tokens: 1e21, completion_tokens: 3 }],
    ["no count", { prompt_tokens: "many", completion_tokens: 3 }],
    ["half", { prompt_tokens: 7 }],
    ["null inside", { prompt_tokens: null, completion_tokens: null }],
    ["zeros", { prompt_tokens: 0, completion_tokens: 0 }],
    ["a list", [7, 3]],
    ["a text", "7"],
  ])("that is %s is none", (_name, usage) => {
    expect(used(usage)).not.toHaveProperty("usage");
  });

  test("that makes no sense does not replace what does", () => {
    const good = { choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } };
    const events = read([chunk({ content: "x" }, "stop"), good, { choices: [], usage: { prompt_tokens: -1 } }]);
    expect(events.at(-1)).toMatchObject({ usage: { input_tokens: 7, output_tokens: 3 } });
  });

  test("may stand in the choice", () => {
    const choice = { index: 0, delta: {}, finish_reason: "stop", usage: { prompt_tokens: 7, completion_tokens: 3 } };
    expect(read([chunk({ content: "x" }), { choices: [choice] }]).at(-1)).toMatchObject({
      usage: { input_tokens: 7, output_tokens: 3 },
    });
  });
});

test.each([
  [7, "7"],
  [null, "asked"],
  [{}, "asked"],
  ["", "asked"],
  ["x".repeat(1_000), "x".repeat(128)],
])("the name %j of a model is %s", (model, name) => {
  expect(read([{ ...chunk({ content: "x" }, "stop"), model }]).at(-1)).toMatchObject({ model: name });
});

describe("what goes back with the calls", () => {
  const call = { index: 0, id: "a", function: { name: "look", arguments: "{}" } };
  const fieldsOf = (...deltas: object[]) => {
    const events = read([...deltas.map((delta) => chunk(delta)), chunk({ tool_calls: [call] }, "tool_calls")]);
    return events.flatMap((event) => (event.type === "tool_calls" ? event.calls : []))[0]?.provider?.message_fields;
  };

  test("is reasoning, joined from its pieces", () => {
    expect(fieldsOf({ reasoning_content: "h" }, { reasoning_content: "m", content: "x" })).toEqual({
      reasoning_content: "hm",
    });
  });

  test("are details of reasoning, their pieces joined and signatures kept", () => {
    const text = (piece: string) => ({ type: "reasoning.text", index: 0, text: piece });
    const hidden = { type: "reasoning.encrypted", data: "xyz", id: "r1" };
    expect(
      fieldsOf(
        { reasoning_details: [text("h")] },
        { reasoning_details: [text("m")] },
        { reasoning_details: [{ type: "reasoning.text", index: 0, signature: "s" }, hidden] },
      ),
    ).toEqual({ reasoning_details: [{ ...text("hm"), signature: "s" }, hidden] });
  });

  test("is reasoning between tags, by a name of its own", () => {
    expect(fieldsOf({ content: "<think>hm</think>x" })).toEqual({ tagged_reasoning: "hm" });
  });

  test("is what Gemini signs a message with", () => {
    const extra_content = { google: { thought_signature: "abc" } };
    expect(fieldsOf({ content: "x", extra_content })).toEqual({ extra_content });
  });

  test("is nothing else", () => {
    expect(fieldsOf({ content: "x", refusal: null, padding: "xx", annotations: [] })).toBeUndefined();
  });

  test("is bounded", () => {
    const fields = fieldsOf(...Array.from({ length: 100 }, () => ({ reasoning_content: "x".repeat(10_000) })));
    expect(JSON.stringify(fields).length).toBeLessThan(40_000);
  });
});
