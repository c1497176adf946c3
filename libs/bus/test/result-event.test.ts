import { limits, type FactOf } from "@parley/protocol";
import { expect, it } from "vitest";
import { loneToolCallEndOf, toolCallEndOf } from "@parley/bus";

const common = { conversation_id: "c", turn_id: "t", ts: 1, call_id: "t-0-0", tool_name: "look" };
const ended = { status: "completed" as const, duration_ms: 5 };
const factOf = (args: object, result: string): FactOf<"result"> => ({
  ...{ kind: "result", v: 1, ...common, ...ended },
  ...{ arguments: { ...args }, result },
});

const small = factOf({ text: "hello" }, "ok");
const large = factOf({ text: "a".repeat(40_000) }, "line\n".repeat(9_000));

it("an end of a call says all of what is small", () => {
  const event = { type: "tool_call_end", ...common, ...ended, arguments: { text: "hello" }, result: "ok" };
  expect(toolCallEndOf(small)).toEqual(event);
  expect(loneToolCallEndOf(small)).toEqual(event);
});

it("refers to what is large", () => {
  const event = toolCallEndOf(large);
  expect(event).toMatchObject({
    ...{ arguments_bytes: 40_011, arguments_id: "t-0-0" },
    ...{ result_bytes: 45_000, result_id: "t-0-0", truncated: true },
  });
  expect(JSON.stringify(event.arguments).length).toBeLessThanOrEqual(limits.endedArgumentsBytes);
});

it("has all arguments where there was no room for what it would refer to", () => {
  const event = loneToolCallEndOf(large);
  expect(event).toMatchObject({ arguments: large.arguments, result_bytes: 45_000, truncated: true });
  for (const reference of ["arguments_bytes", "arguments_id", "result_id"]) expect(event).not.toHaveProperty(reference);
});

it("has what the model is to read, and refers to what people can read", () => {
  const event = toolCallEndOf({ ...small, brief: "[data] ok [end]" });
  expect(event).toMatchObject({ result: "[data] ok [end]", result_bytes: 2, result_id: "t-0-0" });
  for (const absent of ["truncated", "brief"]) expect(event).not.toHaveProperty(absent);
  expect(toolCallEndOf({ ...large, brief: "short" })).toMatchObject({ result: "short", result_bytes: 45_000 });
  expect(loneToolCallEndOf({ ...large, brief: "short" })).not.toHaveProperty("brief");
});

it("bounds also what the model is to read", () => {
  const { result } = toolCallEndOf({ ...small, brief: "line\n".repeat(9_000) });
  expect(Buffer.byteLength(result)).toBeLessThanOrEqual(limits.toolResultBytes);
});
