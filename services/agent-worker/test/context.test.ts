import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { callIdOf, messageIdOf, type LogRecord } from "@parley/protocol";
import { buildMessages } from "../src/context.ts";
import { dataRule } from "../src/prompt.ts";
import type { FinishedStep } from "../src/tool-text.ts";

function record(turn: string, role: "user" | "assistant", message: string, more: Partial<LogRecord> = {}): LogRecord {
  return {
    v: 1,
    conversation_id: "c",
    turn_id: turn,
    message_id: messageIdOf(turn, role),
    author: { role },
    message,
    status: "complete",
    ts: 1,
    prev: 0,
    ...more,
  };
}

const turnOf = (turn: string, question: string, answer: string, more: Partial<LogRecord> = {}) => [
  record(turn, "user", question),
  record(turn, "assistant", answer, more),
];

const toolCall = (turn: string, result: string) => ({
  call_id: callIdOf(turn, 0, 0),
  tool_name: "clock",
  arguments: { zone: "UTC" },
  status: "completed" as const,
  result,
  duration_ms: 5,
});

const input = { systemPrompt: "Be kind.", history: [], message: "now?", steps: [], maxBytes: 100_000 };
const build = (more: Partial<Parameters<typeof buildMessages>[0]>) => buildMessages({ ...input, ...more });
const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const system = { role: "system", content: "Be kind." };
const current = { role: "user", content: "now?" };

test("begins with the system prompt and ends with the message", () => {
  expect(build({})).toEqual([system, current]);
});

test("puts the earlier turns in between, oldest first", () => {
  expect(build({ history: [...turnOf("t1", "one", "eins"), ...turnOf("t2", "two", "zwei")] })).toEqual([
    system,
    { role: "user", content: "one" },
    { role: "assistant", content: "eins" },
    { role: "user", content: "two" },
    { role: "assistant", content: "zwei" },
    current,
  ]);
});

test("takes the last record of a message", () => {
  const history = [
    ...turnOf("t1", "one", "first"),
    ...turnOf("t2", "two", "zwei"),
    record("t1", "assistant", "corrected"),
  ];
  expect(build({ history }).map((message) => message.content)).toEqual([
    "Be kind.",
    "one",
    "corrected",
    "two",
    "zwei",
    "now?",
  ]);
});

const step: FinishedStep = {
  text: "Let me look.",
  calls: [{ call_id: "t9-0-0", tool_name: "clock", arguments: { zone: "UTC" }, result: "12:00" }],
};

test("appends the steps of the running turn with our call ids on both sides, the results marked as data", () => {
  expect(build({ steps: [step, { text: "", calls: [toolCall("t9", "13:00")] }] }).slice(1)).toEqual([
    current,
    {
      role: "assistant",
      content: "Let me look.",
      tool_calls: [{ id: "t9-0-0", type: "function", function: { name: "clock", arguments: '{"zone":"UTC"}' } }],
    },
    { role: "tool", tool_call_id: "t9-0-0", content: '<tool_result tool="clock">\n12:00\n</tool_result>' },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "t9-0-0", type: "function", function: { name: "clock", arguments: '{"zone":"UTC"}' } }],
    },
    {
      role: "tool",
      tool_call_id: "t9-0-0",
      content: '<tool_result tool="clock" status="completed">\n13:00\n</tool_result>',
    },
  ]);
});

test("shows the tool calls of earlier turns with their results", () => {
  expect(
    build({ history: turnOf("t1", "time?", "It is noon.", { tool_calls: [toolCall("t1", "12:00")] }) }).slice(1, -1),
  ).toMatchObject([
    { role: "user", content: "time?" },
    { role: "assistant", content: null, tool_calls: [{ id: "t1-0-0" }] },
    { role: "tool", tool_call_id: "t1-0-0" },
    { role: "assistant", content: "It is noon." },
  ]);
});

test.each([
  ["the running turn", { steps: [step] }],
  ["an earlier one", { history: turnOf("t1", "time?", "noon", { tool_calls: [toolCall("t1", "12:00")] }) }],
])("tells the model what tool results are when there are some of %s", (_name, more) => {
  expect(build(more)[0]?.content).toBe(`Be kind.\n\n${dataRule}`);
});

test.each([
  [{ status: "cancelled" as const }, "half", "half\n\n[The user stopped this answer here.]"],
  [
    { status: "error" as const, code: "MODEL_TIMEOUT" as const },
    "half",
    "half\n\n[This answer broke off here because of an error.]",
  ],
  [{ status: "error" as const }, "", "[This answer broke off here because of an error.]"],
  [{}, "", "[This answer was empty.]"],
])("notes how an earlier answer ended: %j %j", (more, answer, content) => {
  expect(build({ history: turnOf("t1", "one", answer, more) })[2]).toEqual({ role: "assistant", content });
});

test("notes that an earlier message has no answer, so that roles keep taking turns", () => {
  expect(build({ history: [record("t1", "user", "one")] }).map((message) => message.role)).toEqual([
    "system",
    "user",
    "assistant",
    "user",
  ]);
});

describe("within a limit of bytes", () => {
  const history = [...turnOf("t1", "one", "eins"), ...turnOf("t2", "two", "zwei")];
  const all = build({ history });
  const size = (messages: readonly unknown[]) => messages.reduce<number>((sum, message) => sum + bytes(message), 0);

  test("keeps everything that just fits", () => {
    expect(build({ history, maxBytes: size(all) })).toEqual(all);
  });

  test("drops the oldest turn as a whole when one byte is missing", () => {
    expect(build({ history, maxBytes: size(all) - 1 })).toEqual([all[0], ...all.slice(3)]);
  });

  test("leaves no gap: nothing older follows a turn that does not fit", () => {
    const long = [
      ...turnOf("t1", "one", "eins"),
      ...turnOf("t2", "x".repeat(1_000), "zwei"),
      ...turnOf("t3", "three", "drei"),
    ];
    expect(build({ history: long, maxBytes: 900 }).map((message) => message.content)).toEqual([
      "Be kind.",
      "three",
      "drei",
      "now?",
    ]);
  });

  test("keeps a turn without its tool results when it does not fit with them", () => {
    const large = turnOf("t1", "time?", "noon", { tool_calls: [toolCall("t1", "x".repeat(5_000))] });
    expect(build({ history: large, maxBytes: 2_000 }).slice(1)).toEqual([
      { role: "user", content: "time?" },
      { role: "assistant", content: "noon" },
      current,
    ]);
  });

  test("counts bytes, not characters", () => {
    const euro = turnOf("t1", "€".repeat(100), "eins");
    expect(build({ history: euro, maxBytes: 400 })).toHaveLength(2);
    expect(build({ history: turnOf("t1", "e".repeat(100), "eins"), maxBytes: 400 })).toHaveLength(4);
  });

  test("refuses a running turn that does not fit alone", () => {
    expect(() => build({ message: "x".repeat(1_000), maxBytes: 500 })).toThrow(
      expect.objectContaining({ code: "CONTEXT_TOO_LARGE" }),
    );
    expect(() => build({ steps: [step], maxBytes: 100 })).toThrow(
      expect.objectContaining({ code: "CONTEXT_TOO_LARGE" }),
    );
  });

  const turns = fc.array(
    fc.record({
      question: fc.string({ unit: "binary" }),
      answer: fc.string({ unit: "binary" }),
      result: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
    }),
    { maxLength: 8 },
  );

  test("never exceeds the limit, cuts no message, and keeps every call with its result", () => {
    fc.assert(
      fc.property(turns, fc.integer({ min: 600, max: 3_000 }), (list, maxBytes) => {
        const records = list.flatMap(({ question, answer, result }, i) =>
          turnOf(`t${i}`, question, answer, result === undefined ? {} : { tool_calls: [toolCall(`t${i}`, result)] }),
        );
        const messages = build({ history: records, maxBytes });
        const whole = new Set(
          build({ history: records, maxBytes: 10_000_000 }).map((message) => JSON.stringify(message)),
        );
        expect(size(messages)).toBeLessThanOrEqual(maxBytes);
        expect(messages.filter((message) => !whole.has(JSON.stringify(message)))).toEqual([]);
        const asked = messages.flatMap((message) =>
          "tool_calls" in message ? (message.tool_calls ?? []).map((call) => call.id) : [],
        );
        expect(messages.flatMap((message) => (message.role === "tool" ? [message.tool_call_id] : []))).toEqual(asked);
      }),
    );
  });
});
