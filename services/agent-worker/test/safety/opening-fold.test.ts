import type { ChainEvent, ToolCall } from "@parley/protocol";
import { expect, it } from "vitest";
import { createTurnFold, foldEvent } from "../../src/turn-fold.ts";

const at = { conversation_id: "c1", turn_id: "t1", attempt: 1, n: 0, ts: 1 };
const call: ToolCall = { call_id: "t1-0-0", tool_name: "workshop_book", arguments: {} };

it("P2: what the answer begins with is text of its first step, by which waits and takeovers know the text", () => {
  const fold = createTurnFold();
  const usage = { input_tokens: 1, output_tokens: 1 };
  const events: ChainEvent[] = [
    { type: "claimed", ...at, worker: "w" },
    { type: "thinking", ...at, message: "…" },
    { type: "_opening", ...at, text: "Warning." },
    { type: "token", ...at, token: "Warning." },
    { type: "token", ...at, token: "\n\nI book it." },
    { type: "step", ...at, step: 0, tool_calls: [call], usage },
    { type: "token", ...at, token: "\n\nBooked." },
    { type: "step", ...at, step: 1, tool_calls: [], usage },
  ];
  for (const event of events) {
    foldEvent(fold, 1, event);
    // As the worker does that has just told it.
    if (event.type === "token" && fold.text === fold.opening) fold.committedText = fold.opening;
  }
  expect(fold.steps.map(({ text }) => text)).toEqual(["Warning.\n\nI book it.", "\n\nBooked."]);
  expect(fold.steps.map(({ text }) => text).join("")).toBe(fold.text);
});
