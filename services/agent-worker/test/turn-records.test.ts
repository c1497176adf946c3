import { describe, expect, it } from "vitest";
import {
  callPart,
  limits,
  textOf,
  type FinishedToolCall,
  type Outcome,
  type Part,
  type TurnRequest,
} from "@parley/protocol";
import { createTurnFold, type CommittedStep } from "../src/turn-fold.ts";
import { recordsOf } from "../src/turn-records.ts";

const request: TurnRequest = {
  ...{ v: 1, turn_id: "t", conversation_id: "c", user: { id: "ann", name: "Ann" }, id: "m-1", message_id: "t-u" },
  ...{ message: "why?", accepted_at: 7 },
};

function call(call_id: string, more: Partial<FinishedToolCall> = {}): FinishedToolCall {
  return { call_id, tool_name: "look", arguments: {}, status: "completed", result: "seen", duration_ms: 1, ...more };
}

function step(text: string, ...calls: string[]): CommittedStep {
  return { step: 0, text, calls: calls.map((call_id) => ({ call_id, tool_name: "look", arguments: {} })) };
}

const ended = { message_id: "t-a", usage: { input_tokens: 1, output_tokens: 2 } };

/** What viewers have of these steps, and of the text behind them. */
function toldParts(steps: readonly CommittedStep[], { response }: Pick<Outcome, "response">): Part[] {
  const parts = steps.flatMap(({ text, calls }): Part[] => [
    ...(text === "" ? [] : [{ type: "text" as const, text }]),
    ...calls.map(({ call_id }) => callPart({ call_id, tool_name: "look", arguments: {} })),
  ]);
  const before = textOf(parts);
  const rest = response.startsWith(before) ? response.slice(before.length) : "";
  return rest === "" ? parts : [...parts, { type: "text", text: rest }];
}

/** What the answer of a record has, briefly. */
function partsOf(steps: CommittedStep[], outcome: Outcome): unknown[] {
  const turn = { request, place: 3, queuedAt: 5, fold: { ...createTurnFold(), parts: toldParts(steps, outcome) } };
  const [record] = recordsOf(turn, outcome, { format: 2, maxBytes: limits.eventBytes });
  if (!("kind" in record)) throw new Error("a record of the turn was expected");
  return record.answer.parts.map((part) => ("text" in part ? part.text : "call_id" in part ? [part.call_id] : part));
}

const cancelled = (response: string, ...calls: string[]): Outcome => ({
  ...{ type: "cancelled", reason: "x", response, ...ended },
  tool_calls: calls.map((id) => call(id)),
});

describe("the record of a turn", () => {
  it("has the text of each step before its calls, and the rest behind them", () => {
    const steps = [step("Let me look. ", "a", "b"), step("", "c"), step("Once more. ", "d")];
    const outcome = cancelled("Let me look. Once more. It is", "a", "b", "c", "d");
    expect(partsOf(steps, outcome)).toEqual(["Let me look. ", ["a"], ["b"], ["c"], "Once more. ", ["d"], "It is"]);
  });

  it("has what the answer rests on first of all, and once", () => {
    const sources = [{ title: "Crash loops", file: "crash.md", score: 0.5 }];
    const metadata = { agent: "general", context: { sources } };
    const outcome: Outcome = { type: "complete", response: "So.", ...ended, tool_calls: [], metadata };
    expect(partsOf([], outcome)).toEqual([{ type: "source", ...sources[0] }, "So."]);
    const turn = { request, place: 3, queuedAt: 5, fold: createTurnFold() };
    const [record] = recordsOf(turn, outcome, { format: 2, maxBytes: limits.eventBytes });
    expect(record).toMatchObject({
      v: 2,
      kind: "turn",
      place: 3,
      queued_at: 5,
      answer: { metadata: { agent: "general" } },
    });
    expect(JSON.stringify(record).split("Crash loops")).toHaveLength(2);
  });

  it("has the text that was kept, where it was cut, and calls that were kept", () => {
    const steps = [step("Let me look. ", "a"), step("Once more. ", "b")];
    expect(partsOf(steps, cancelled("Let me", "b"))).toEqual(["Let me", ["b"]]);
    expect(partsOf(steps, cancelled("Let me look. Once more. So."))).toEqual(["Let me look. Once more. So."]);
  });

  it("has text and calls without their order where the log of the steps is not that of the answer", () => {
    expect(partsOf([step("lost", "a")], cancelled("said before", "a"))).toEqual(["said before", ["a"]]);
    expect(partsOf([], cancelled("said before", "a", "b"))).toEqual(["said before", ["a"], ["b"]]);
  });

  it("says of a result how long the whole is and where it is kept", () => {
    const long = call("a", { truncated: true, result_bytes: 90_000, result_id: "a" });
    const outcome: Outcome = { type: "complete", response: "", ...ended, tool_calls: [long], metadata: {} };
    const turn = {
      request,
      place: 3,
      queuedAt: 5,
      fold: { ...createTurnFold(), parts: toldParts([step("", "a")], outcome) },
    };
    const [record] = recordsOf(turn, outcome, { format: 2, maxBytes: limits.eventBytes });
    expect(record).toMatchObject({ answer: { parts: [{ type: "tool_call", ...long }] } });
  });

  it("is one for each message where both together are too large for the broker", () => {
    const turn = { request, place: 3, queuedAt: 5, fold: createTurnFold() };
    const records = recordsOf(turn, cancelled("x".repeat(3_000)), { format: 2, maxBytes: 4_096 });
    expect(records.map((record) => ("message" in record ? record.message.length : -1))).toEqual([4, 3_000]);
    expect(recordsOf(turn, cancelled("x".repeat(3_000)), { format: 2, maxBytes: 8_192 })).toHaveLength(1);
  });
});
