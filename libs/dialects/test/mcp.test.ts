import { ChatError, createTurnView, type ToolCallPart, type TurnView } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { agentTools, answerTool, placeOfMcpTask, taskIdOf } from "../src/mcp/addresses.ts";
import { AgentArguments, decisionOf } from "../src/mcp/decode.ts";
import { askableCalls, questionOf } from "../src/mcp/elicitation.ts";
import { failedResult, resultOf, toolsOf, TurnContent } from "../src/mcp/encode.ts";
import { createProgressTeller } from "../src/mcp/state.ts";
import { settledTask, workingTask } from "../src/mcp/tasks.ts";

const place = { conversation_id: "c_1", turn_id: "t0" };
const where = { ...place, address: "https://chat.example/c/c_1" };
const agent = (name: string) => ({ name, description: `The agent ${name}.` });

const call: ToolCallPart = {
  type: "tool_call",
  call_id: "t0-1-0",
  tool_name: "scale",
  arguments: { replicas: 3 },
  approval: { summary: "Scale shop to 3.", expires_at: Date.UTC(2026, 0, 1), confirm: "shop" },
};
const waiting: TurnView = {
  ...createTurnView("t0"),
  status: "waiting",
  parts: [{ type: "text", text: "I will scale." }, call],
};
const usage = { input_tokens: 3, output_tokens: 5 };
const ended = { response: "Hello", message_id: "t0-a", tool_calls: [], usage };
const complete: TurnView = {
  ...createTurnView("t0"),
  status: "complete",
  parts: [{ type: "text", text: "Hello" }],
  outcome: { type: "complete", ...ended, metadata: { agent: "general", model: "m" } },
};

describe("tools", () => {
  test.each([
    ["general", "general"],
    ["shop-agent_2", "shop-agent_2"],
    ["Größe & Co", /^Gr_e_Co_[\da-f]{8}$/],
    ["a".repeat(64), /^a{48}_[\da-f]{8}$/],
    [answerTool, /^parley_answer_[\da-f]{8}$/],
    ["日本", /^__[\da-f]{8}$/],
  ])("the agent %s has a name that every client takes", (name, expected) => {
    const [tool] = agentTools([agent(name)]).keys();
    expect(tool).toMatch(expected);
  });

  test("no two agents share one, in the same order each time", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 64 }), { maxLength: 20 }), (names) => {
        const tools = toolsOf(names.map(agent)).map(({ name }) => name);
        expect(new Set(tools).size).toBe(names.length + 1);
        for (const tool of tools) expect(tool).toMatch(/^[\w-]{1,64}$/);
        expect(toolsOf(names.map(agent)).map(({ name }) => name)).toEqual(tools);
      }),
    );
  });

  test("none approves, and only the one that waits claims to change nothing", () => {
    const tools = toolsOf([agent("general")]);
    expect(tools.filter(({ annotations }) => annotations["readOnlyHint"]).map(({ name }) => name)).toEqual([
      answerTool,
    ]);
    for (const { inputSchema } of tools) expect(JSON.stringify(inputSchema)).not.toMatch(/approve|agree|confirm/i);
  });
});

test("a task's id is its turn", () => {
  expect(placeOfMcpTask(taskIdOf(place))).toEqual(place);
});

test.each([
  ["c_1.t0", place],
  ["c_1", undefined],
  ["c_1.t0.x", undefined],
  ["c 1.t0", undefined],
  ["*.>", undefined],
  ["", undefined],
])("the task %s is the turn %o", (id, expected) => {
  expect(placeOfMcpTask(id)).toEqual(expected);
});

describe("results", () => {
  test("a whole answer is its text, and says how to go on", () => {
    const { content, structuredContent, isError } = resultOf(complete, where);
    expect(content.map(({ text }) => text)).toEqual(["Hello", "conversation_id: c_1"]);
    expect(structuredContent).toEqual({
      ...place,
      status: "complete",
      agent: "general",
      model: "m",
      usage,
      tool_calls: [],
      sources: [],
    });
    expect(isError).toBeUndefined();
  });

  test("what a newer version counts beside the tokens is left out, for clients that check the schema", () => {
    const known = { ...usage, cached_tokens: 2, cost: { micros: 7, currency: "USD", as_of: "2026-11-30" } };
    const counted = { ...known, carbon: 7 };
    const outcome = { type: "complete" as const, ...ended, usage: counted, metadata: {} };
    const { structuredContent } = resultOf({ ...complete, outcome }, where);
    expect(structuredContent.usage).toEqual(known);
  });

  test.each<[string, TurnView, RegExp]>([
    [
      "cut",
      { ...complete, outcome: { type: "complete", ...ended, metadata: { finish: "length" } } },
      /not whole.*length/,
    ],
    [
      "left to a person",
      {
        ...complete,
        parts: [],
        outcome: { type: "complete", ...ended, response: "", metadata: { finish: "stop", handover: "taken" } },
      },
      /a person answers here/,
    ],
    ["stopped", { ...complete, outcome: { type: "cancelled", ...ended, reason: "x" } }, /was stopped/],
    [
      "failed",
      { ...complete, outcome: { type: "error", ...ended, error: "It broke.", code: "MODEL_TIMEOUT", retryable: true } },
      /failed: It broke\.$/,
    ],
  ])("what was %s says so", (_how, turn, expected) => {
    expect(resultOf(turn, where).content[0]?.text).toMatch(expected);
  });

  test("what waits names the place where people decide, and no tool that does", () => {
    const { content, structuredContent, isError } = resultOf(waiting, where);
    expect(content[0]?.text).toContain("in Parley at https://chat.example/c/c_1");
    expect(content[0]?.text).toContain("scale: Scale shop to 3. (until 2026-01-01T00:00:00.000Z)");
    expect(structuredContent).toMatchObject({
      status: "waiting",
      decide_at: where.address,
      waiting_for: [{ call_id: "t0-1-0" }],
    });
    expect(isError).toBeUndefined();
  });

  test("all fit the schema that is told of them", () => {
    const error = new ChatError("OVERLOADED");
    for (const one of [
      resultOf(complete, where),
      resultOf(waiting, where),
      failedResult(error),
      failedResult(error, where),
    ])
      expect(z.strictObject(TurnContent.shape).parse(one.structuredContent)).toEqual(one.structuredContent);
  });

  test("a refusal says when it is worth another try, also to who reads the text alone", () => {
    const refused = failedResult(new ChatError("RATE_LIMITED", { message: "Too many requests.", retryAfterMs: 1_200 }));
    expect(refused.structuredContent).toMatchObject({ error: { code: "RATE_LIMITED", retry_after_ms: 1_200 } });
    expect(refused.content[0]?.text).toBe("Too many requests. Wait 2 s before you try again.");
    const outcome = { type: "error", ...ended, error: "x", code: "RATE_LIMITED", retryable: true } as const;
    expect(
      resultOf({ ...complete, outcome: { ...outcome, retry_after_ms: 900 } }, where).structuredContent,
    ).toMatchObject({
      error: { retry_after_ms: 900 },
    });
  });

  test("a long result of a call is a beginning", () => {
    const long: ToolCallPart = {
      ...call,
      status: "completed",
      result: "x".repeat(100_000),
      arguments: { text: "y".repeat(100_000) },
    };
    const parts = Array.from({ length: 128 }, () => long);
    expect(JSON.stringify(resultOf({ ...complete, parts }, where)).length).toBeLessThan(512 * 1024);
  });
});

describe("questions", () => {
  test("one asks for agreement that is false until somebody changes it", () => {
    const { message, requestedSchema } = questionOf(call);
    expect(message).toContain("Parley asks whether scale may run: Scale shop to 3.");
    expect(requestedSchema.properties["approve"]).toMatchObject({ type: "boolean", default: false });
    expect(requestedSchema.properties["confirm"]).toMatchObject({ title: "To agree, type shop" });
  });

  test("where somebody else has to agree nobody is asked", () => {
    const four: ToolCallPart = { ...call, approval: { ...call.approval, four_eyes: true } };
    expect(askableCalls({ ...waiting, parts: [four] })).toEqual([]);
    expect(askableCalls(waiting)).toEqual([call]);
  });

  test("a form's fields stand beside the agreement, whatever their names", () => {
    const form = [
      { name: "approve", type: "boolean" as const },
      { name: "size", type: "choices" as const, options: ["s", "m"] },
    ];
    const asked: ToolCallPart = { ...call, approval: { summary: "x", form } };
    expect(Object.keys(questionOf(asked).requestedSchema.properties)).toEqual([
      "approve",
      "form_approve",
      "form_size",
      "reason",
    ]);
    const content = { approve: true, form_approve: false, form_size: ["s"] };
    expect(decisionOf(asked, { action: "accept", content })).toEqual({
      call_id: "t0-1-0",
      approved: true,
      content: { approve: false, size: ["s"] },
    });
  });

  test.each<[string, unknown, object | undefined]>([
    [
      "accept and agree",
      { action: "accept", content: { approve: true, confirm: "shop" } },
      { approved: true, confirm: "shop" },
    ],
    ["accept only", { action: "accept", content: {} }, { approved: false }],
    ["accept nothing", { action: "accept" }, { approved: false }],
    ["say it in words", { action: "accept", content: { approve: "true" } }, { approved: false }],
    ["decline", { action: "decline", content: { approve: true, reason: "no" } }, { approved: false, reason: "no" }],
    ["close it", { action: "cancel" }, undefined],
    ["send something else", { role: "assistant" }, undefined],
    ["send nothing", undefined, undefined],
  ])("who %s decides so", (_what, response, expected) => {
    expect(decisionOf(call, response)).toEqual(expected && { call_id: "t0-1-0", ...expected });
  });
});

describe("tasks", () => {
  const times = { createdMs: 0, updatedMs: 1_000 };
  test.each<[string, TurnView, boolean, object]>([
    ["completed", complete, true, { status: "completed", result: { structuredContent: { status: "complete" } } }],
    [
      "failed",
      { ...complete, outcome: { type: "error", ...ended, error: "x", code: "OVERLOADED", retryable: true } },
      true,
      { status: "completed", result: { isError: true } },
    ],
    [
      "cancelled",
      { ...complete, outcome: { type: "cancelled", ...ended, reason: "x" } },
      true,
      { status: "cancelled" },
    ],
    [
      "waiting",
      waiting,
      true,
      { status: "input_required", inputRequests: { "t0-1-0": { method: "elicitation/create" } } },
    ],
    [
      "waiting, and nobody can be asked",
      waiting,
      false,
      { status: "working", statusMessage: expect.stringContaining("decided in Parley at") },
    ],
  ])("a turn that is %s", (_how, turn, canAsk, expected) => {
    expect(settledTask(turn, where, times, canAsk)).toMatchObject(expected);
  });

  test("say when to look again", () => {
    expect(workingTask(place, times, "Calls x.")).toMatchObject({
      taskId: "c_1.t0",
      status: "working",
      statusMessage: "Calls x.",
      createdAt: "1970-01-01T00:00:00.000Z",
    });
  });
});

test("progress is one line each, and what a restart takes back is not counted any more", () => {
  const teller = createProgressTeller();
  const added = (at: number, text: string) => ({ type: "added", at, kind: "text", text }) as const;
  expect(teller.tell([added(0, "x".repeat(10)), added(0, "y")]).at(-1)?.message).toBe(
    "Writing the answer: 11 characters so far.",
  );
  expect(teller.tell([{ type: "restarted", from: 0 }])).toMatchObject([{ isMinor: false }]);
  expect(teller.tell([added(1, "z")]).at(-1)?.message).toBe("Writing the answer: 1 characters so far.");
  expect(teller.tell([{ type: "called", at: 2, call: { ...call, tool_name: "a\nb" } }])).toEqual([
    { message: "Calls a b.", isMinor: false },
  ]);
});

test("arguments are a message, and perhaps a conversation", () => {
  expect(AgentArguments.safeParse({ message: "hi", other: 1 }).success).toBe(true);
  expect(AgentArguments.safeParse({}).success).toBe(false);
  expect(AgentArguments.safeParse({ message: "hi", conversation_id: "x".repeat(513) }).success).toBe(false);
});
