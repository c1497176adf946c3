import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type EventFrame,
  type SnapshotFrame,
  applyEvent,
  applyFrame,
  createTurnView,
  createView,
  isVisible,
  type ConversationView,
} from "@parley/protocol";
import { compacted, conversation_id, framesOf, history } from "./histories.ts";

function folded(frames: readonly (EventFrame | SnapshotFrame)[], view = createView(conversation_id)): ConversationView {
  for (const frame of frames) applyFrame(view, frame);
  return view;
}

/** Text, calls, message and end of every turn. Status and attempt of a running turn also depend on events that viewers never see. */
function shown(view: ConversationView): unknown {
  return [...view.turns.values()].map(({ text, tool_calls, message, outcome }) => ({
    text,
    tool_calls: [...tool_calls.values()],
    message: message?.message,
    outcome,
  }));
}

describe("a view", () => {
  test("has exactly the text of the terminal event when a turn has ended", () => {
    fc.assert(
      fc.property(history, (events) => {
        for (const turn of folded(framesOf(events)).turns.values()) {
          expect(turn.text).toBe(turn.outcome === undefined ? turn.text : turn.outcome.response);
        }
      }),
    );
  });

  test("does not change when frames are repeated", () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat(60)), (events, again) => {
        const frames = framesOf(events);
        const once = folded(frames);
        const repeated = frames.flatMap((frame, index) =>
          again.includes(index) ? frames.slice(0, index + 1) : [frame],
        );
        expect(folded(repeated)).toEqual(once);
      }),
    );
  });

  test("says of a frame that it already has it", () => {
    fc.assert(
      fc.property(history, (events) => {
        const view = createView(conversation_id);
        const frames = framesOf(events);
        expect(frames.every((frame) => applyFrame(view, frame))).toBe(true);
        expect(frames.some((frame) => applyFrame(view, frame))).toBe(false);
      }),
    );
  });

  test("shows the same after any gap that a snapshot bridged", () => {
    const cut = fc.tuple(fc.nat(100), fc.nat(100));
    fc.assert(
      fc.property(history, cut, (events, [a, b]) => {
        const [from, to] = [Math.min(a, b, events.length), Math.min(Math.max(a, b), events.length)];
        const view = folded(framesOf(events.slice(0, from)));
        folded(compacted(events, from, to), view);
        folded(framesOf(events.slice(to)), view);
        expect(shown(view)).toEqual(shown(folded(framesOf(events))));
      }),
      { numRuns: 500 },
    );
  });

  test("is the same for the workers' own events as without them, but for status and attempt", () => {
    fc.assert(
      fc.property(history, (events) => {
        const [all, visible] = [createTurnView("t0"), createTurnView("t0")];
        for (const { event } of events.filter(({ event }) => event.turn_id === "t0")) {
          applyEvent(all, event);
          if (isVisible(event.type)) applyEvent(visible, event);
        }
        const ignored = { status: "", attempt: 0 };
        expect({ ...all, ...ignored }).toEqual({ ...visible, ...ignored });
      }),
    );
  });
});

const snapshot = { type: "snapshot", conversation_id, seq: 10, status: "idle", ts: 0 } as const;
const token = { type: "token", conversation_id, turn_id: "t1", ts: 0, attempt: 1 } as const;

describe("a snapshot", () => {
  test("replaces the text and calls of the running turn", () => {
    const view = folded([
      { ...token, seq: 1, n: 1, token: "lost wor" },
      { ...snapshot, seq: 5, turn_id: "t1", attempt: 2, text: "kept", tool_calls: [], status: "running" },
      { ...token, seq: 6, attempt: 2, n: 2, token: " words" },
    ]);
    expect(view.turns.get("t1")).toMatchObject({ text: "kept words", attempt: 2, status: "running" });
    expect(view.seq).toBe(6);
  });

  test("takes away calls that it does not have", () => {
    const call = { call_id: "t1-0-0", tool_name: "look", arguments: {} };
    const view = folded([
      { ...token, ...call, type: "tool_call_start", seq: 1, n: 1 },
      { ...snapshot, turn_id: "t1", text: "", tool_calls: [{ ...call, call_id: "t1-0-1" }], status: "running" },
    ]);
    expect([...(view.turns.get("t1")?.tool_calls.keys() ?? [])]).toEqual(["t1-0-1"]);
  });

  test("is ignored when the view is already past it", () => {
    const view = folded([{ ...token, seq: 11, n: 1, token: "new" }]);
    expect(applyFrame(view, { ...snapshot, turn_id: "t1", text: "old" })).toBe(false);
    expect(view.turns.get("t1")?.text).toBe("new");
  });

  const answered = (status: "complete" | "cancelled" | "error") => ({
    message_id: "t1-a",
    turn_id: "t1",
    author: { role: "assistant" as const },
    message: "all of it",
    status,
    metadata: { agent: "sales" },
    ts: 0,
  });

  test.each([
    ["complete", { type: "complete", response: "all of it", metadata: { agent: "sales" } }],
    ["cancelled", { type: "cancelled", response: "all of it" }],
    ["error", { type: "error", response: "all of it", code: "PROCESSING_ERROR", retryable: true }],
  ] as const)("ends a turn as %s that only its transcript saw end", (status, outcome) => {
    const view = folded([
      { ...token, seq: 1, n: 1, token: "half" },
      { ...snapshot, messages: [answered(status)] },
    ]);
    expect(view.turns.get("t1")).toMatchObject({ text: "all of it", status, outcome });
    expect(view.messages).toEqual([answered(status)]);
  });

  test("does not let the user's own message end a turn", () => {
    const asked = { ...answered("complete"), message_id: "t1-u", author: { role: "user" as const }, message: "?" };
    const view = folded([
      { ...token, seq: 1, n: 1, token: "half" },
      { ...snapshot, messages: [asked], turn_id: "t1", text: "half", status: "running" },
    ]);
    expect(view.turns.get("t1")).toMatchObject({ text: "half", status: "running" });
    expect(view.turns.get("t1")).not.toHaveProperty("outcome");
  });

  test("without a running turn leaves the turns it does not mention alone", () => {
    const view = folded([{ ...token, seq: 1, n: 1, token: "half" }, snapshot]);
    expect(view.turns.get("t1")?.text).toBe("half");
  });
});
