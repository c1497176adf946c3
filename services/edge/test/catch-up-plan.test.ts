import type { VisibleEvent } from "@parley/dialects";
import { createView, foldFrame, isToolCall, type ConversationView } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstAfter } from "../src/delivery/delivery.ts";
import {
  planCatchUp,
  planCompletion,
  type CatchUpPlan,
  type CatchUpStep,
  type ViewerPlace,
} from "../src/hub/catch-up-plan.ts";
import { append, createRing, enforceLimits, extendDown, type Known } from "../src/hub/ring.ts";
import { turnSnapshot } from "../src/hub/snapshot.ts";
import {
  complete,
  conversation,
  frameOf,
  histories,
  message,
  reasoning,
  token,
  toolStart,
  visible,
} from "./support/conversation-history.ts";

const limits = { replayEvents: 3, replayBytes: 2_000, rawRunEvents: 1, rawRunBytes: 400 };

function play(from: ConversationView, steps: readonly CatchUpStep[]): ConversationView {
  let view = from;
  for (const step of steps) {
    const frame =
      step.kind === "event" ? frameOf(step.event) : turnSnapshot({ conversation, seq: step.seq }, step.turn);
    const folded = foldFrame(view, frame);
    expect(folded).not.toBe(view);
    view = folded;
  }
  return view;
}

function viewOf(events: readonly VisibleEvent[], upTo = Infinity): ConversationView {
  return events
    .filter(({ seq }) => seq <= upTo)
    .map(frameOf)
    .reduce(foldFrame, createView(conversation));
}

/** By their ids: what was folded is seen before a turn whose beginning came as an event. */
function turnsIn({ turns }: ConversationView): unknown {
  return new Map(turns.map((turn) => [turn.turn_id, turn]));
}

/** A viewer's place in what is known for certain. */
function certain(cursor: number): ViewerPlace {
  return { cursor, sure: Infinity };
}

function stepsOf(plan: CatchUpPlan): readonly CatchUpStep[] {
  if (plan.kind !== "steps") throw new Error(`there is no way: ${plan.kind}`);
  return plan.steps;
}

function everything(events: readonly VisibleEvent[]): Known {
  return { floor: 0, events, base: new Map(), rooted: true, quiet: undefined, title: undefined };
}

function ringOf(events: readonly VisibleEvent[], ringEvents: number): Known {
  const ring = createRing(0);
  const ringLimits = { ringEvents, ringBytes: 1_000_000 };
  extendDown(ring, ringLimits, { fromSeq: 1, events: [], isRoot: true });
  for (const event of events) {
    append(ring, event);
    enforceLimits(ring, ringLimits);
  }
  return ring;
}

/** The ring's way if it has one, else that of somebody who reads the stream, and makes certain of it. */
function planFor(ring: Known, events: readonly VisibleEvent[], place: ViewerPlace): CatchUpPlan {
  const plan = planCatchUp(ring, place, limits);
  if (plan.kind === "steps") return plan;
  const read = planCatchUp(everything(events), place, limits);
  return read.kind === "unsure" ? planCatchUp(everything(events), certain(place.cursor), limits) : read;
}

/** Any number of events may be known to the viewer, and it may be cut off after any frame. */
const situations = fc.record({
  events: histories,
  ringEvents: fc.integer({ min: 1, max: 30 }),
  seen: fc.nat(60),
  sure: fc.nat(120),
  cut: fc.nat(10),
});

describe("a viewer that is caught up", () => {
  it("has what a viewer has that got every event, from whatever cursor, cut off at whatever frame", () => {
    fc.assert(
      fc.property(situations, ({ events, ringEvents, seen, sure, cut }) => {
        const cursor = seen === 0 ? 0 : (events[Math.min(seen, events.length) - 1]?.seq ?? 0);
        const ring = ringOf(events, ringEvents);
        const before = play(viewOf(events, cursor), stepsOf(planFor(ring, events, { cursor, sure })).slice(0, cut));
        const resumed = cut === 0 ? cursor : Math.max(cursor, before.seq);
        const view = play(before, stepsOf(planFor(ring, events, { cursor: resumed, sure })));

        expect(turnsIn(view)).toEqual(turnsIn(viewOf(events)));
      }),
      { numRuns: 600 },
    );
  });

  it("has all of it also if it lacked what tools said in the turn that ran at its cursor", () => {
    let completed = 0;
    fc.assert(
      fc.property(situations, ({ events, seen }) => {
        const at = events[Math.min(seen, events.length) - 1];
        const past = at === undefined ? [] : events.filter(({ seq }) => seq <= at.seq);
        const hasEnded = past.some(({ turn, type }) => turn === at?.turn && type === "complete");
        if (at === undefined || hasEnded) return;
        const view = viewOf(
          past.filter(({ turn, type, seq }) => seq === at.seq || turn !== at.turn || type !== "tool_call_end"),
        );
        const place = { cursor: at.seq, turn: at.turn, sure: (events.at(-1)?.seq ?? 0) + 1 };
        const plan = planCompletion(everything(events), place, limits);
        if (plan.kind === "no room") return;
        completed++;
        expect(turnsIn(play(view, stepsOf(plan)))).toEqual(turnsIn(viewOf(events)));
      }),
      { numRuns: 300 },
    );
    expect(completed).toBeGreaterThan(100);
  });

  it("gets every message and every end exactly once", () => {
    fc.assert(
      fc.property(situations, ({ events, ringEvents }) => {
        const plan = planFor(ringOf(events, ringEvents), events, certain(0));
        const landmarks = (list: readonly VisibleEvent[]) =>
          list.filter(({ type }) => type === "message" || type === "complete").map(({ seq }) => seq);
        const sent = stepsOf(plan).flatMap((step) => (step.kind === "event" ? [step.event] : []));
        expect(landmarks(sent)).toEqual(landmarks(events));
      }),
    );
  });

  it("gets one snapshot for a long answer that still runs, also when the hub no longer has its events", () => {
    const events = [
      visible(1, message("t")),
      ...Array.from({ length: 50 }, (_, i) => visible(2 + i, token("t", `w${i} `))),
    ];
    const ring = ringOf(events, 8);
    expect(ring.floor).toBeGreaterThan(20);
    const plan = planCatchUp(ring, certain(10), limits);
    const text: unknown = expect.stringMatching(/^w0 .*w49 $/);
    expect(stepsOf(plan)).toMatchObject([{ kind: "snapshot", seq: 51, turn: { parts: [{ type: "text", text }] } }]);
  });

  it("gets what was thought at length in one snapshot too", () => {
    const thoughts = Array.from({ length: 50 }, (_, i) => visible(2 + i, reasoning("t", `w${i} `)));
    const events = [visible(1, message("t")), ...thoughts, visible(52, token("t", "So."))];
    expect(stepsOf(planCatchUp(everything(events), certain(10), limits))).toMatchObject([
      { kind: "snapshot", seq: 52, turn: { parts: [{ type: "reasoning" }, { type: "text", text: "So." }] } },
    ]);
  });

  it("gets the end itself after the snapshot of its turn", () => {
    const tokens = Array.from({ length: 10 }, (_, i) => visible(2 + i, token("t", `${i}`)));
    const events = [visible(1, message("t")), ...tokens, visible(12, complete("t", "0123456789"))];
    const steps = stepsOf(planCatchUp(everything(events), certain(3), limits));
    expect(steps).toMatchObject([
      { kind: "snapshot", seq: 11, turn: { parts: [{ type: "text", text: "0123456789" }], status: "running" } },
      { kind: "event", seq: 12, event: { type: "complete" } },
    ]);
  });

  it("gets a few missing events as they are", () => {
    const events = [visible(1, message("t")), visible(2, token("t", "a")), visible(3, token("t", "b"))];
    expect(planCatchUp(everything(events), certain(1), limits)).toMatchObject({
      mode: "replay",
      steps: [{ seq: 2 }, { seq: 3 }],
    });
    expect(planCatchUp(everything(events), certain(3), limits)).toEqual({ kind: "steps", mode: "live", steps: [] });
  });

  it("cannot be served by a hub that does not know the turn's beginning", () => {
    const tokens = Array.from({ length: 10 }, (_, i) => visible(20 + i, token("t", `${i}`)));
    const known: Known = {
      floor: 19,
      events: tokens,
      base: new Map(),
      rooted: false,
      quiet: undefined,
      title: undefined,
    };
    expect(planCatchUp(known, certain(19), limits)).toEqual({ kind: "unknown turn", turn: "t", isTorn: false });
    expect(planCatchUp(known, certain(5), limits)).toEqual({ kind: "below floor" });
  });
});

describe("a snapshot of a turn whose tools may have said more than has come", () => {
  const words = Array.from({ length: 10 }, (_, i) => visible(4 + i, token("t", `w${i} `)));
  const events = [visible(1, message("t")), visible(2, token("t", "so: ")), visible(3, toolStart("t", "k")), ...words];

  it("is as of what is certain, and what followed comes as it is", () => {
    expect(stepsOf(planCatchUp(everything(events), { cursor: 1, sure: 8 }, limits))).toMatchObject([
      { kind: "snapshot", seq: 8, turn: { parts: [{ text: "so: " }, { call_id: "k" }, { text: "w0 w1 w2 w3 w4 " }] } },
      ...[9, 10, 11, 12, 13].map((seq) => ({ kind: "event", seq })),
    ]);
  });

  it("waits until more is certain where nothing of it is", () => {
    expect(planCatchUp(everything(events), { cursor: 4, sure: 4 }, limits)).toEqual({ kind: "unsure" });
    const ring = ringOf(events, 4);
    expect(ring.floor).toBeGreaterThan(8);
    expect(planCatchUp(ring, { cursor: 8, sure: 8 }, limits)).toEqual({ kind: "unsure" });
  });

  it("waits for nothing where it has no calls", () => {
    const others = [visible(1, message("t")), visible(2, token("t", "so: ")), ...words];
    expect(stepsOf(planCatchUp(everything(others), { cursor: 1, sure: 4 }, limits))).toMatchObject([
      { kind: "snapshot", seq: 13 },
    ]);
  });

  it("is above that in no conversation", () => {
    fc.assert(
      fc.property(situations, ({ events: all, ringEvents, sure, seen }) => {
        const plan = planCatchUp(ringOf(all, ringEvents), { cursor: seen, sure }, limits);
        const snapshots = plan.kind === "steps" ? plan.steps.filter((step) => step.kind === "snapshot") : [];
        expect(snapshots.filter(({ seq, turn }) => seq > sure && turn.parts.some(isToolCall))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("events after a cursor", () => {
  it("are found from the end", () => {
    const events = [visible(2, token("t", "a")), visible(5, token("t", "b")), visible(7, token("t", "c"))];
    expect([0, 2, 3, 5, 7, 9].map((cursor) => firstAfter(events, cursor))).toEqual([0, 1, 1, 2, 3, 3]);
  });
});
