import type { VisibleEvent } from "@parley/dialects";
import type { SnapshotFrame } from "@parley/protocol";
import { expect, it } from "vitest";
import { createAnswerTimes, noteAsked, type AskingOutlet } from "../src/delivery/answer-times.ts";

function createTimed() {
  const told: string[] = [];
  const firstToken = { observe: (seconds: number) => void told.push(seconds >= 0 ? "token" : "before it was asked") };
  const times = createAnswerTimes({ firstToken, ended: (end) => void told.push(end) });
  const outlet: AskingOutlet = { asked: undefined };
  return {
    told,
    outlet,
    asks: (turn_id: string, conversation_id = "c") =>
      noteAsked(outlet, { turn_id, conversation_id }, { sinceMs: performance.now() - 1 }),
    event: (type: string, turn = "t", isShown = true) => {
      const event: VisibleEvent = { seq: 1, turn, type, frame: Buffer.alloc(0) };
      if (outlet.asked !== undefined) times.eventSent(outlet, outlet.asked, event, isShown);
    },
    frame: (frame: Parameters<typeof times.frameSent>[2]) => {
      if (outlet.asked !== undefined) times.frameSent(outlet, outlet.asked, frame);
    },
    left: () => times.left(outlet),
  };
}

const snapshot: SnapshotFrame = { type: "snapshot", conversation_id: "c", seq: 1, status: "running", ts: 1 };
const author = { role: "assistant" } as const;

it("times what a lagging socket gets in a snapshot: the first text, and the end", () => {
  const { told, outlet, asks, frame } = createTimed();
  asks("t");
  frame({ ...snapshot, turn_id: "t", text: "" });
  expect(told).toEqual([]);
  frame({ ...snapshot, turn_id: "t", text: "Hello" });
  frame({ ...snapshot, turn_id: "t", text: "Hello you" });
  const message = { message_id: "a", turn_id: "t", author, message: "Hello you", ts: 1 };
  frame({ ...snapshot, messages: [{ ...message, author: { role: "user" }, status: "complete" }] });
  expect(told).toEqual(["token"]);
  frame({ ...snapshot, messages: [{ ...message, status: "cancelled" }] });
  expect(told).toEqual(["token", "cancelled"]);
  expect(outlet.asked).toBeUndefined();
});

it("waits for the first token that its client is shown", () => {
  const { told, asks, event } = createTimed();
  asks("t");
  event("progress");
  event("token", "t", false);
  event("token", "other");
  expect(told).toEqual([]);
  event("token");
  event("token");
  event("error");
  event("complete");
  expect(told).toEqual(["token", "error"]);
});

it("does not time what was deleted with its conversation", () => {
  const { told, asks, frame, left } = createTimed();
  asks("t1");
  asks("t2", "kept");
  const refusal = { type: "error", error: "It was deleted.", code: "NOT_FOUND", retryable: false } as const;
  frame({ ...refusal, frame: "delete", conversation_id: "c" });
  left();
  expect(told).toEqual(["left"]);
});

it("times a bounded number of answers, the newest", () => {
  const { told, outlet, asks, event, left } = createTimed();
  for (let n = 0; n < 100; n++) asks(`t${n}`);
  expect(outlet.asked).toMatchObject({ turns: { size: 64 }, tokensAwaited: 64 });
  event("token", "t35");
  event("token", "t36");
  left();
  expect(told).toEqual(["token", ...Array.from({ length: 64 }, () => "left")]);
  expect(outlet.asked).toBeUndefined();
});
