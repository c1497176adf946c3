import { expect, test } from "vitest";
import { createView, foldFrame, messages, pendingApprovals, turn, type ConversationView } from "../src/fold.ts";
import type { EventFrame, SnapshotFrame } from "../src/index.ts";

const common = { conversation_id: "c", turn_id: "t", ts: 1 };
const chained = { ...common, attempt: 1 };
const call = { call_id: "t-0-0", tool_name: "demo_counter", arguments: { ms: 0 } };
const asked = { summary: "Adds one line.", expires_at: 99 };

const start: EventFrame = { type: "tool_call_start", seq: 1, ...chained, n: 1, ...call };
const required: EventFrame = { type: "approval_required", seq: 2, ...common, ...call, ...asked };
const waiting: EventFrame = { type: "waiting", seq: 3, ...chained, n: 2, for: "approval", until: 99 };
const decided: EventFrame = {
  ...{ type: "approval_decided", seq: 4, ...common, call_id: "t-0-0" },
  ...{ approved: true, by: { id: "u" } },
};
const end: EventFrame = {
  ...{ type: "tool_call_end", seq: 5, ...common, ...call },
  ...{ status: "completed", result: "Counted.", duration_ms: 1 },
};

function after(...frames: (EventFrame | SnapshotFrame)[]): ConversationView {
  return frames.reduce(foldFrame, createView("c"));
}

test("a call that waits for a person is pending until somebody has decided", () => {
  const asking = after(start, required, waiting);
  expect(turn(asking, "t")).toMatchObject({ status: "waiting", parts: [{ ...call, approval: asked }] });
  expect(pendingApprovals(asking)).toMatchObject([{ turn_id: "t", call: { call_id: "t-0-0" } }]);
  expect(messages(asking)).toMatchObject([{ author: { role: "assistant" }, status: "waiting" }]);
  const going = foldFrame(asking, decided);
  expect(turn(going, "t")).toMatchObject({ status: "running", parts: [{ approval: { ...asked, approved: true } }] });
  expect(pendingApprovals(going)).toEqual([]);
});

test("a turn goes on waiting until all its calls are decided", () => {
  const second = { ...required, seq: 4, call_id: "t-0-1" };
  const one = after(start, required, { ...waiting, seq: 3 }, second, { ...decided, seq: 5 });
  expect(turn(one, "t")?.status).toBe("waiting");
  expect(pendingApprovals(one)).toMatchObject([{ call: { call_id: "t-0-1" } }]);
  const both = foldFrame(one, { ...decided, seq: 6, call_id: "t-0-1", approved: false });
  expect(turn(both, "t")?.status).toBe("running");
});

test("what was asked and decided stays with the call when it has ended", () => {
  const ended = turn(after(start, required, waiting, decided, end), "t");
  expect(ended?.parts).toEqual([
    {
      ...{ type: "tool_call", ...call, status: "completed", result: "Counted.", duration_ms: 1 },
      approval: { ...asked, approved: true, by: { id: "u" } },
    },
  ]);
});

test("a decision that comes behind the end of its turn says nothing any more", () => {
  const stopped = {
    ...{ type: "cancelled", seq: 6, ...chained, n: 3, response: "", message_id: "t-a", reason: "cancelled by user" },
    tool_calls: [{ ...call, status: "cancelled", result: "It was cancelled.", duration_ms: 0 }],
    usage: { input_tokens: 0, output_tokens: 0 },
  } as EventFrame;
  const ended = after(start, required, waiting, stopped);
  const late = foldFrame(ended, { ...decided, seq: 7 });
  expect(turn(late, "t")).toBe(turn(ended, "t"));
});

test("a question that comes before the start of its call opens it", () => {
  expect(turn(after({ ...required, seq: 1 }, { ...start, seq: 2 }), "t")?.parts).toEqual([
    { type: "tool_call", ...call, approval: asked },
  ]);
});

test("a snapshot of a turn that waits says so, and what it waits for", () => {
  const frame: SnapshotFrame = {
    ...{ type: "snapshot", conversation_id: "c", seq: 7, turn_id: "t", ts: 1, status: "waiting" },
    parts: [{ type: "tool_call", ...call, approval: asked }],
  };
  const view = after(frame);
  expect(turn(view, "t")?.status).toBe("waiting");
  expect(pendingApprovals(view)).toHaveLength(1);
});
