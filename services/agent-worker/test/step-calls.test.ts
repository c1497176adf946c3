import { describe, expect, test } from "vitest";
import { jsonBytes, limits, type ToolDefinition } from "@parley/protocol";
import { isOutOfCalls, stepCallsOf } from "../src/step-calls.ts";
import { createTurnFold, foldEvent, type TurnFold } from "../src/turn-fold.ts";

const tool: ToolDefinition = {
  name: "look",
  aliases: ["peek"],
  description: "Looks.",
  parameters: { type: "object" },
  effect: "read",
  timeout_ms: 1_000,
};

const calls = (count: number, text = "{}", name = "look") =>
  Array.from({ length: count }, () => ({ name, arguments: text }));
const commit = (fold: TurnFold, requested: ReturnType<typeof calls>) =>
  stepCallsOf(requested, { turnId: "t", fold, tools: [tool] });

/** The step is committed, and each call has a result of that size. */
function finish(fold: TurnFold, committed: ReturnType<typeof commit>, resultBytes = 1): void {
  const place = { conversation_id: "c", turn_id: "t", ts: 1 };
  const usage = { input_tokens: 0, output_tokens: 0 };
  foldEvent(fold, 1, {
    type: "step",
    ...place,
    attempt: 1,
    n: 1,
    step: fold.steps.length,
    tool_calls: committed,
    usage,
  });
  const ended = { status: "completed" as const, result: "x".repeat(resultBytes), duration_ms: 1 };
  for (const { problem: _problem, ...call } of committed)
    foldEvent(fold, 1, { type: "tool_call_end", ...place, ...call, ...ended });
}

const problems = (committed: ReturnType<typeof commit>) => committed.map(({ problem }) => problem);

describe("the calls of a step", () => {
  test("run up to the limit; each of the next ones says that it did not", () => {
    const committed = commit(createTurnFold(), calls(limits.callsPerStep + 2));
    expect(problems(committed).slice(0, limits.callsPerStep)).toEqual(Array(limits.callsPerStep).fill(undefined));
    expect(problems(committed).slice(limits.callsPerStep)).toEqual(
      Array(2).fill(`Not run: at most ${limits.callsPerStep} calls are run at once.`),
    );
    expect(new Set(committed.map(({ call_id }) => call_id)).size).toBe(limits.callsPerStep + 2);
  });

  test("beyond any reason are counted", () => {
    const committed = commit(createTurnFold(), calls(1_000));
    const shown = limits.callsPerStep + limits.refusedCallsPerStep;
    expect(committed).toHaveLength(shown);
    expect(problems(committed).at(-1)).toMatch(`${1_000 - shown} more calls were left out.`);
  });

  test("have arguments of a bounded size, counted as they are stored", () => {
    const fold = createTurnFold();
    // 1e20 is written out with 21 digits.
    const numbers = JSON.stringify({ text: "" }).replace('""', `[${Array(12_000).fill("1e20").join(",")}]`);
    expect(problems(commit(fold, calls(1, numbers)))[0]).toBe(
      `The arguments are larger than ${limits.toolArgumentsBytes} bytes.`,
    );
    const large = JSON.stringify({ text: "\0".repeat(9_000) });
    const committed = commit(fold, calls(4, large));
    expect(problems(committed).map((problem) => problem === undefined)).toEqual([true, true, false, false]);
    expect(jsonBytes(committed)).toBeLessThan(limits.stepArgumentsBytes + 2_000);
  });

  test("share the arguments of a turn", () => {
    const fold = createTurnFold();
    const large = JSON.stringify({ text: "x".repeat(60_000) });
    const run = [0, 1, 2].map(() => {
      const committed = commit(fold, calls(2, large));
      finish(fold, committed);
      return problems(committed).filter((problem) => problem === undefined).length;
    });
    expect(run).toEqual([2, 2, 0]);
  });

  test("of a tool that nobody offered have a name of bounded size", () => {
    const [call] = commit(createTurnFold(), calls(1, "{}", "\0".repeat(100_000)));
    expect(jsonBytes(call ?? {})).toBeLessThan(1_000);
  });
});

describe("the name of a call", () => {
  const named = (...names: string[]) =>
    stepCallsOf(
      names.map((name, at) => ({ name, arguments: at === names.length - 1 ? '{"x":1}' : "{}" })),
      { turnId: "t", fold: createTurnFold(), tools: [tool, { ...tool, name: "tools.look", aliases: [] }] },
    ).map(({ tool_name, arguments: args, problem }) => [tool_name, args, problem]);

  test.each([
    ["look", "look"],
    ["peek", "peek"],
    ["functions.look", "look"],
    ["functions.look:0", "look"],
    ["default_api.look", "look"],
    ["Look", "look"],
    ["default_api.LOOK", "look"],
    ["look<|channel|>commentary", "look"],
    [" look\n", "look"],
    ["tools.look", "tools.look"],
  ])("%j is that of the tool %s", (name, expected) => {
    expect(named(name)).toEqual([[expected, { x: 1 }, undefined]]);
  });

  test.each(["functions.book", "look_2", "my.look", "lo", ""])("%j is not mended to another", (name) => {
    expect(named(name)).toEqual([[name, {}, `There is no tool named ${name}.`]]);
  });

  test("comes in pieces only if they are one of a tool together", () => {
    expect(named("lo", "ok")).toEqual([["look", { x: 1 }, undefined]]);
    expect(named("l", "o", "ok")).toEqual([["look", { x: 1 }, undefined]]);
    expect(named("look", "look").map(([name]) => name)).toEqual(["look", "look"]);
    expect(named("lo", "on").map(([name]) => name)).toEqual(["lo", "on"]);
    expect(named("lo", "look").map(([name]) => name)).toEqual(["lo", "look"]);
  });
});

test.each([
  ["look", undefined],
  ["change", "Not run: the person who asks is not allowed to use the tool change."],
  ["alter", "Not run: the person who asks is not allowed to use the tool change."],
  ["invent", "There is no tool named invent."],
])("a call of %s, where whoever asks may only look, has the problem %s", (name, problem) => {
  const change: ToolDefinition = { ...tool, name: "change", aliases: ["alter"] };
  const input = { turnId: "t", fold: createTurnFold(), tools: [tool], notAllowed: [change] };
  expect(problems(stepCallsOf(calls(1, "{}", name), input))).toEqual([problem]);
});

describe("a turn is out of calls", () => {
  test("when it has made as many as it may", () => {
    const fold = createTurnFold();
    for (let made = 0; made < limits.callsPerTurn; made += limits.callsPerStep) {
      expect(isOutOfCalls(fold)).toBe(false);
      finish(fold, commit(fold, calls(limits.callsPerStep)));
    }
    expect(isOutOfCalls(fold)).toBe(true);
    expect(problems(commit(fold, calls(1)))).toEqual([
      "Not run: this answer has used up its tool calls or the size of their results.",
    ]);
  });

  test("when one more result might be more than it may have", () => {
    const fold = createTurnFold();
    const most = limits.turnResultBytes / limits.toolResultBytes;
    finish(fold, commit(fold, calls(most - 1)), limits.toolResultBytes);
    expect(isOutOfCalls(fold)).toBe(false);
    expect(problems(commit(fold, calls(2))).map((problem) => problem === undefined)).toEqual([true, false]);
    finish(fold, commit(fold, calls(1)), limits.toolResultBytes);
    expect(isOutOfCalls(fold)).toBe(true);
  });
});

test("a result of a tool worker with other limits is held to ours", () => {
  const fold = createTurnFold();
  finish(fold, commit(fold, calls(1)), 4 * limits.toolResultBytes);
  const [held] = fold.results.values();
  expect(jsonBytes({ result: held?.result })).toBeLessThanOrEqual(limits.toolResultBytes + 20);
  expect(held?.truncated).toBe(true);
});
