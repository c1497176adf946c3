import type { ToolCallPart } from "@parley/protocol";
import { expect, test } from "vitest";
import { toolState } from "../../src/message/tool-status.ts";

const call: ToolCallPart = { type: "tool_call", call_id: "c", tool_name: "t", arguments: {} };

test.each<[string, Partial<ToolCallPart>, boolean, string]>([
  ["runs", {}, true, "running"],
  ["waits for a person", { approval: { summary: "s" } }, true, "waiting"],
  ["runs once that person has agreed", { approval: { approved: true } }, true, "running"],
  ["will not end any more when its turn has", {}, false, "cancelled"],
  ["has ended as it says", { status: "timeout" }, false, "timeout"],
  ["has ended in a way that is not known here", { status: "postponed" }, true, "other"],
  ["has no state that objects have by themselves", { status: "toString" }, true, "other"],
])("a call %s", (_, more, isTurnOpen, state) => {
  expect(toolState({ ...call, ...more }, isTurnOpen)).toBe(state);
});
