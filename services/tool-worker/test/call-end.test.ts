import { unknownEffect, type ToolDefinition } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { endOf } from "../src/call-end.ts";
import type { Interruption } from "../src/execution.ts";

function toolWith(effect: ToolDefinition["effect"]): ToolDefinition {
  return { name: "scale", aliases: [], description: "", parameters: {}, effect, timeout_ms: 5_000 };
}

const unknown = (reason: string) => ({ status: "unknown", result: unknownEffect(reason) });

describe("the end of an execution", () => {
  it("keeps what the tool said, as plain text, cut to size", () => {
    const execution = {
      kind: "settled",
      status: "completed",
      output: { text: "\u001b[1mfine\n".repeat(100_000) },
    } as const;
    const end = endOf(execution, toolWith("read"), 5_000, 12.3);
    expect(end).toMatchObject({ state: "settled", outcome: { status: "completed", duration_ms: 12, truncated: true } });
    expect(JSON.stringify(end)).not.toContain("\u001b");
    expect(JSON.stringify(end).length).toBeLessThan(300_000);
  });

  it.each<[ToolDefinition["effect"], Interruption, object]>([
    ["read", "cancelled", { state: "settled", outcome: { status: "cancelled", result: "scale was cancelled." } }],
    [
      "read",
      "timeout",
      { state: "settled", outcome: { status: "timeout", result: "scale did not finish within 5 s." } },
    ],
    ["read", "closing", { state: "given back" }],
    ["read", "stopped", { state: "given back" }],
    ["read", "lock lost", { state: "not mine" }],
    ["write", "cancelled", { outcome: unknown("scale was cancelled.") }],
    ["write", "timeout", { outcome: unknown("scale did not finish within 5 s.") }],
    ["write", "stopped", { outcome: unknown("scale was broken off: the worker that ran it had to stop.") }],
  ])("of a %s that was stopped by %s", (effect, by, expected) => {
    expect(endOf({ kind: "interrupted", by }, toolWith(effect), 5_000, 0)).toMatchObject(expected);
  });

  it("P5: of a write that says itself that it changed nothing is no more than its cause", () => {
    const end = endOf({ kind: "interrupted", by: "cancelled", notDone: true }, toolWith("write"), 5_000, 0);
    expect(end).toMatchObject({
      outcome: { status: "cancelled", result: "scale was cancelled. Nothing was changed." },
    });
  });
});
