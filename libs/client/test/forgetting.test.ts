import { createView, foldFrame, messages, textOf } from "@parley/protocol/fold";
import { expect, test } from "vitest";
import { createFolding } from "../src/folding.ts";

const common = { conversation_id: "c1", ts: 0 };
const usage = { input_tokens: 1, output_tokens: 1 };

function answered(seq: number, turn_id: string) {
  const chained = { ...common, seq, turn_id, attempt: 1, n: seq };
  const more = { response: turn_id, message_id: `${turn_id}-a`, tool_calls: [], usage, metadata: {} };
  return { type: "complete", ...chained, ...more } as const;
}

function snapshot(seq: number, ...turns: readonly string[]) {
  const stored = turns.map((turn_id) => {
    const author = { role: "assistant" as const };
    return { message_id: `${turn_id}-a`, turn_id, author, message: turn_id, status: "complete" as const, ts: 0 };
  });
  return { type: "snapshot", ...common, seq, messages: stored, status: "idle" } as const;
}

const ids = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, at) => `t${from + at}`);

function folding() {
  const { fold, view } = createFolding("c1", () => undefined);
  return { fold, shown: () => messages(view()).map(({ parts }) => textOf(parts)) };
}

test("the oldest turns of a long view are forgotten, and never ones from its middle", () => {
  const { fold, shown } = folding();
  fold(snapshot(1, ...ids(1, 25)));
  ids(26, 225).forEach((id, at) => fold(answered(at + 2, id)));
  expect(shown()).toEqual(ids(1, 225));
  fold(answered(202, "t226"));
  fold(answered(203, "t227"));
  expect(shown()).toEqual(ids(28, 227));
});

test("a turn that is older than the transcript is forgotten without it", () => {
  const { fold, shown } = folding();
  ids(1, 200).forEach((id, at) => fold(answered(at + 1, id)));
  fold(snapshot(201, ...ids(150, 200)));
  fold(answered(202, "t201"));
  expect(shown()).toEqual(ids(2, 201));
});

test("a view that was not forgotten from is the fold of its frames", () => {
  const { fold, shown } = folding();
  const frames = [snapshot(1, "t1", "t2"), answered(2, "t3")];
  frames.forEach(fold);
  expect(shown()).toEqual(messages(frames.reduce(foldFrame, createView("c1"))).map(({ parts }) => textOf(parts)));
});
