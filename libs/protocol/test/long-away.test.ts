import { createView, foldFrame, messages, textOf, type EventFrame, type SnapshotFrame } from "@parley/protocol";
import { expect, it } from "vitest";

const conversation_id = "c1";
const answer = (turn: number) => ({
  message_id: `t${turn}-a`,
  tool_calls: [],
  usage: { input_tokens: 1, output_tokens: 1 },
});

/** The frames of one turn, from a sequence on. */
function turnFrames(turn: number): EventFrame[] {
  const common = { conversation_id, turn_id: `t${turn}`, ts: 1, attempt: 1 };
  const seq = turn * 10;
  const end = { metadata: { agent: "general", confidence: 1, model: "m", context: { sources: [] } } };
  return [
    { type: "token", ...common, seq: seq + 1, n: 1, token: `answer ${turn}` },
    { type: "complete", ...common, seq: seq + 2, n: 2, response: `answer ${turn}`, ...answer(turn), ...end },
  ];
}

/** As whoever comes back gets it: the last messages. */
function snapshot(turns: readonly number[]): SnapshotFrame {
  const stored = turns.map((turn) => ({
    ...{ message_id: `t${turn}-a`, turn_id: `t${turn}`, author: { role: "assistant" }, message: `answer ${turn}` },
    ...{ status: "complete" as const, ts: 1 },
  }));
  return { type: "snapshot", conversation_id, seq: 10_000, messages: stored, status: "idle", ts: 1 };
}

const shown = (frames: readonly (EventFrame | SnapshotFrame)[]): string[] =>
  messages(frames.reduce(foldFrame, createView(conversation_id))).map(textOf);

it("a viewer that was away for longer than a snapshot reaches back shows no messages before the gap", () => {
  const before = [1, 2].flatMap(turnFrames);
  expect(shown([...before, snapshot([50, 51])])).toEqual(["answer 50", "answer 51"]);
});

it("one whose messages the snapshot reaches goes on showing what is older", () => {
  const before = [1, 2].flatMap(turnFrames);
  expect(shown([...before, snapshot([2, 3])])).toEqual(["answer 1", "answer 2", "answer 3"]);
});

it("what has not ended is shown before a gap as well", () => {
  const [begun] = turnFrames(2);
  expect(shown([...turnFrames(1), begun!, snapshot([50])])).toEqual(["answer 2", "answer 50"]);
});
