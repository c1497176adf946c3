import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EventFrame,
  SnapshotFrame,
  createTurnView,
  createView,
  foldEvent,
  foldFrame,
  isVisible,
  messages,
  textOf,
  toolCallsOf,
  turn as turnIn,
  type ConversationView,
  type Parts,
} from "@parley/protocol";
import { compacted, conversation_id, framesOf, history } from "./histories.ts";

type Frame = EventFrame | SnapshotFrame;

function folded(frames: readonly Frame[], view = createView(conversation_id)): ConversationView {
  return frames.reduce(foldFrame, view);
}

/** Parts, message and end of every turn. Status and attempt of a running turn also depend on events that viewers never see. */
function shown(view: ConversationView): unknown {
  return view.turns.map(({ parts, message, outcome }) => ({ parts, message: message?.message, outcome }));
}

const cuts = fc.tuple(fc.nat(100), fc.nat(100));

/** Frames before a gap, what bridges it, and frames after it. */
function around(
  events: Parameters<typeof framesOf>[0],
  [a, b]: readonly [number, number],
): [Frame[], Frame[], Frame[]] {
  const [from, to] = [Math.min(a, b, events.length), Math.min(Math.max(a, b), events.length)];
  // As they go over the wire.
  const bridge = compacted(events, from, to).map((frame) => JSON.stringify(frame));
  const read = bridge.map((text): Frame => {
    const json: unknown = JSON.parse(text);
    return text.startsWith('{"type":"snapshot"') ? SnapshotFrame.parse(json) : EventFrame.parse(json);
  });
  return [framesOf(events.slice(0, from)), read, framesOf(events.slice(to))];
}

/** Nothing of it can be changed any more. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}

describe("a view", () => {
  test("has exactly the text of the terminal event when a turn has ended", () => {
    fc.assert(
      fc.property(history, (events) => {
        for (const turn of folded(framesOf(events)).turns) {
          expect(textOf(turn)).toBe(turn.outcome === undefined ? textOf(turn) : turn.outcome.response);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("had that text already before the end came", () => {
    fc.assert(
      fc.property(history, (events) => {
        let view = createView(conversation_id);
        for (const frame of framesOf(events)) {
          const text = textOf(turnIn(view, frame.turn_id) ?? []);
          expect(text).toBe("response" in frame ? frame.response : text);
          view = foldFrame(view, frame);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("is the same object after a frame that it already has", () => {
    fc.assert(
      fc.property(history, fc.nat(60), (events, again) => {
        const frames = framesOf(events);
        const view = folded(frames);
        for (const frame of frames.slice(0, again)) expect(foldFrame(view, frame)).toBe(view);
        const repeated = frames.flatMap((frame, at) => (at === again ? frames.slice(0, at + 1) : [frame]));
        expect(folded(repeated)).toEqual(view);
      }),
      { numRuns: 40 },
    );
  });

  test("has the same parts in the same order after any gap that a snapshot bridged", () => {
    fc.assert(
      fc.property(history, cuts, (events, places) => {
        const view = folded(around(events, places).flat());
        expect(shown(view)).toEqual(shown(folded(framesOf(events))));
      }),
      { numRuns: 300 },
    );
  });

  test("has all the text and calls after a gap that an edge bridged which does not know parts", () => {
    // Of a call whose end is never told, such an edge does not say whether it stood behind text that is taken back.
    const told = ({ turns }: ConversationView): unknown =>
      turns.map((turn) => ({
        text: textOf(turn),
        calls: toolCallsOf(turn)
          .filter(({ status }) => status !== undefined)
          .toSorted((a, b) => (a.call_id < b.call_id ? -1 : 1)),
      }));
    fc.assert(
      fc.property(history, cuts, (events, places) => {
        const [before, bridge, after] = around(events, places);
        const old = bridge.map((frame): Frame => {
          if (frame.type !== "snapshot") return frame;
          const { parts: _, ...rest } = frame;
          return rest;
        });
        expect(told(folded([...before, ...old, ...after]))).toEqual(told(folded(framesOf(events))));
      }),
      { numRuns: 150 },
    );
  });

  test("is the same for the workers' own events as without them, but for status and attempt", () => {
    fc.assert(
      fc.property(history, (events) => {
        const own = events.flatMap(({ event }) => (event.turn_id === "t0" ? [event] : []));
        const all = own.reduce(foldEvent, createTurnView("t0"));
        const visible = own.filter(({ type }) => isVisible(type)).reduce(foldEvent, createTurnView("t0"));
        const ignored = { status: "", attempt: 0 };
        expect({ ...all, ...ignored }).toEqual({ ...visible, ...ignored });
      }),
      { numRuns: 40 },
    );
  });

  test("changes in no place that a frame says nothing of, and not at all where it is", () => {
    fc.assert(
      fc.property(history, (events) => {
        let view = frozen(createView(conversation_id));
        for (const frame of framesOf(events)) {
          const before = view;
          view = frozen(foldFrame(before, frozen(frame)));
          const others = (one: ConversationView) => one.turns.filter(({ turn_id }) => turn_id !== frame.turn_id);
          expect(others(view).every((turn, at) => turn === others(before)[at])).toBe(true);
          if (frame.type === "turn_restarted" || "response" in frame) continue;
          const [is, was] = [turnIn(view, frame.turn_id)?.parts ?? [], turnIn(before, frame.turn_id)?.parts ?? []];
          expect(was.filter((part) => !is.includes(part)).length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("shows messages that are the same objects as long as nothing of them has changed", () => {
    fc.assert(
      fc.property(history, (events) => {
        let view = createView(conversation_id);
        for (const frame of framesOf(events)) {
          const before = messages(view);
          view = foldFrame(view, frame);
          const changed = before.filter((message) => !messages(view).includes(message));
          expect(changed.every(({ turn_id }) => turn_id === frame.turn_id)).toBe(true);
          expect(changed.length).toBeLessThanOrEqual(1);
          expect(messages({ ...view, seq: view.seq + 1 })).toBe(messages(view));
        }
      }),
      { numRuns: 40 },
    );
  });
});

function partsIn(view: ConversationView, turnId: string): Parts | undefined {
  return turnIn(view, turnId)?.parts;
}

const snapshot = { type: "snapshot", conversation_id, seq: 10, status: "idle", ts: 0 } as const;
const token = { type: "token", conversation_id, turn_id: "t1", ts: 0, attempt: 1 } as const;
const usage = { input_tokens: 1, output_tokens: 1 };

describe("a snapshot", () => {
  test("replaces the text and calls of the running turn", () => {
    const view = folded([
      { ...token, seq: 1, n: 1, token: "lost wor" },
      { ...snapshot, seq: 5, turn_id: "t1", attempt: 2, text: "kept", tool_calls: [], status: "running" },
      { ...token, seq: 6, attempt: 2, n: 2, token: " words" },
    ]);
    expect(turnIn(view, "t1")).toMatchObject({ attempt: 2, status: "running" });
    expect(partsIn(view, "t1")).toEqual([{ type: "text", text: "kept words" }]);
    expect(view.seq).toBe(6);
  });

  test("takes away calls that it does not have", () => {
    const call = { call_id: "t1-0-0", tool_name: "look", arguments: {} };
    const view = folded([
      { ...token, ...call, type: "tool_call_start", seq: 1, n: 1 },
      { ...snapshot, turn_id: "t1", text: "", tool_calls: [{ ...call, call_id: "t1-0-1" }], status: "running" },
    ]);
    expect(partsIn(view, "t1")).toEqual([{ type: "tool_call", ...call, call_id: "t1-0-1" }]);
  });

  test("is ignored when the view is already past it", () => {
    const view = folded([{ ...token, seq: 11, n: 1, token: "new" }]);
    expect(foldFrame(view, { ...snapshot, turn_id: "t1", text: "old" })).toBe(view);
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
    expect(turnIn(view, "t1")).toMatchObject({ parts: [{ type: "text", text: "all of it" }], status, outcome });
    expect(view.transcript).toEqual([answered(status)]);
  });

  test("does not let the user's own message end a turn", () => {
    const asked = { ...answered("complete"), message_id: "t1-u", author: { role: "user" as const }, message: "?" };
    const view = folded([
      { ...token, seq: 1, n: 1, token: "half" },
      { ...snapshot, messages: [asked], turn_id: "t1", text: "half", status: "running" },
    ]);
    expect(turnIn(view, "t1")).toMatchObject({ parts: [{ type: "text", text: "half" }], status: "running" });
    expect(turnIn(view, "t1")?.outcome).toBeUndefined();
  });

  test("without a running turn leaves the turns it does not mention alone", () => {
    const view = folded([{ ...token, seq: 1, n: 1, token: "half" }, snapshot]);
    expect(partsIn(view, "t1")).toEqual([{ type: "text", text: "half" }]);
  });

  const call = { call_id: "t1-0-0", tool_name: "look", arguments: {} };
  const result = { ...call, status: "completed", result: "3 pods", duration_ms: 1 };
  const inOrder = [
    { type: "text", text: "half" },
    { type: "tool_call", ...result },
  ];
  const worked: readonly Frame[] = [
    { ...token, seq: 1, n: 1, token: "half" },
    { ...token, ...result, type: "tool_call_end", seq: 2 },
  ];

  test("whose transcript has calls and no parts leaves those that are there where they are, and adds what is missing", () => {
    const other = { ...result, call_id: "t1-0-1" };
    const answer = { ...answered("complete"), message: "half of it", tool_calls: [result, other] };
    const view = folded([...worked, { ...snapshot, messages: [answer] }]);
    const added = [
      { type: "text", text: " of it" },
      { type: "tool_call", ...other },
    ];
    expect(partsIn(view, "t1")).toEqual([...inOrder, ...added]);
    const before = folded(worked);
    const same = { ...answered("complete"), message: "half", tool_calls: [result] };
    expect(partsIn(foldFrame(before, { ...snapshot, messages: [same] }), "t1")).toBe(partsIn(before, "t1"));
  });

  test("whose transcript has neither calls nor parts has its passages and its text as such", () => {
    const sources = [{ title: "Handbook", file: "handbook.md", score: 0.5 }];
    const found = { ...token, type: "progress", n: 0, step: "rag_retrieval", message: "", sources, seq: 1 } as const;
    const said: readonly Frame[] = [found, { ...token, seq: 2, n: 1, token: "ha" }];
    const answer = { ...answered("complete"), message: "half", metadata: { context: { sources } } };
    const whole = [
      { type: "source", ...sources[0] },
      { type: "text", text: "half" },
    ];
    for (const seen of [said, said.slice(1), said.slice(0, 1)]) {
      expect(partsIn(folded([...seen, { ...snapshot, messages: [answer] }]), "t1")).toEqual(whole);
    }
    const before = folded([...said, { ...token, seq: 3, n: 2, token: "lf" }]);
    expect(partsIn(foldFrame(before, { ...snapshot, messages: [answer] }), "t1")).toBe(partsIn(before, "t1"));
  });

  test("whose transcript has parts stands for them", () => {
    const parts = inOrder.toReversed();
    const answer = SnapshotFrame.parse({ ...snapshot, messages: [{ ...answered("complete"), parts }] });
    expect(partsIn(folded([...worked, answer]), "t1")).toEqual(parts);
  });

  test("keeps a part that only a newer version knows, and goes on behind it", () => {
    const parts = [...inOrder, { type: "chart", points: [1, 2] }];
    const frame = SnapshotFrame.parse({ ...snapshot, turn_id: "t1", status: "running", parts });
    const view = folded([frame, { ...token, seq: 11, n: 2, token: "so" }]);
    expect(partsIn(view, "t1")).toEqual([...parts, { type: "text", text: "so" }]);
  });

  test("does not open a turn again that has ended", () => {
    const view = folded([
      { ...token, type: "complete", seq: 1, n: 1, response: "", message_id: "a", tool_calls: [], usage, metadata: {} },
      { ...snapshot, turn_id: "t1", text: "", status: "running" },
    ]);
    expect(turnIn(view, "t1")?.status).toBe("complete");
  });
});
