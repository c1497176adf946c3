import type { VisibleEvent } from "@parley/dialects";
import { createTurnView, textOf, type StoredEvent } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { planCatchUp } from "../src/hub/catch-up-plan.ts";
import {
  append,
  createRing,
  enforceLimits,
  extendDown,
  trim,
  type Known,
  type OpenTurn,
  type Ring,
} from "../src/hub/ring.ts";
import { conversationSnapshot } from "../src/hub/snapshot.ts";
import { complete, message, token, visible } from "./support/conversation-history.ts";

const limits = { ringEvents: 8, ringBytes: 1_000_000 };

/** Said in its first attempt, whose chain ended at 20. */
const waited: OpenTurn = {
  startSeq: 0,
  view: { ...createTurnView("t"), parts: [{ type: "text", text: "said. " }], status: "waiting" },
  settled: { attempt: 1, seq: 20 },
};
const waiting: StoredEvent = {
  ...{ type: "waiting", conversation_id: "c_test", turn_id: "t", ts: 1 },
  ...{ attempt: 1, n: 9, for: "approval", until: 9 },
};
const before = [visible(12, token("t", "said. ")), visible(20, waiting)];
const after = [visible(22, token("t", "more", 2)), visible(23, token("t", " and more", 2))];

/** What was read is below the floor of 30; the ring has room for it, or has not. */
function ringWith(events: readonly VisibleEvent[], ringEvents = 8): Ring {
  const ring = createRing(30);
  const settled = new Map([["t", waited]]);
  extendDown(ring, { ...limits, ringEvents }, { fromSeq: 10, events, isRoot: true, settled });
  return ring;
}

function textAt(ring: Ring, seq: number): string {
  const events = ring.events.filter((event) => event.seq <= seq);
  return conversationSnapshot({ conversation: "c_test", seq }, { ...ring, events }, [])?.text ?? "";
}

describe.each([
  ["there is room", 8],
  ["there is none", 1],
])("a turn that what decides tells, where for its events %s", (_, ringEvents) => {
  it("says nothing twice that its chain said before it waited, and goes on with what that said later", () => {
    expect(textAt(ringWith(before, ringEvents), 30)).toBe("said. ");
    expect(textAt(ringWith([...before, ...after], ringEvents), 30)).toBe("said. more and more");
  });

  it("stays what it is when its message is written again", () => {
    const ring = ringWith([...before, visible(21, message("t")), ...after], ringEvents);
    trim(ring);
    expect(ring.base.get("t")?.view.message).toBeDefined();
    expect(textAt(ring, 30)).toBe("said. more and more");
  });

  it("is more than what a hub has that saw only its message written again", () => {
    const ring = createRing(15);
    for (const event of [visible(21, message("t")), ...after]) append(ring, event);
    trim(ring);
    const again = [...before, visible(21, message("t")), ...after];
    extendDown(ring, limits, { fromSeq: 10, events: again, isRoot: true, settled: new Map([["t", waited]]) });
    expect(textAt(ring, 30)).toBe("said. more and more");
  });

  it("goes with its end", () => {
    const ring = ringWith([...before, ...after], ringEvents);
    append(ring, visible(31, complete("t", "said. more and more")));
    trim(ring);
    expect([...ring.base.keys()]).toEqual([]);
  });

  it("has gone if it ended while it was read", () => {
    const ring = ringWith([...before, ...after, visible(24, complete("t", "said. more"))], ringEvents);
    trim(ring);
    expect([...ring.base.keys()]).toEqual([]);
  });
});

describe("a viewer of a turn that what decides tells", () => {
  const replay = { replayEvents: 0, replayBytes: 0, rawRunEvents: 0, rawRunBytes: 0 };

  it("gets no snapshot of it as of what is below", () => {
    const ring = ringWith([...before, ...after]);
    append(ring, visible(31, message("next")));
    const [first] = ring.events;
    expect(first?.seq).toBe(12);
    const other = { ...ring, events: [...before.slice(0, 1), visible(15, message("other")), ...before.slice(1)] };
    expect(planCatchUp(other, { cursor: 10, sure: 100 }, replay)).toEqual({
      kind: "unknown turn",
      turn: "t",
      isTorn: false,
    });
  });

  it("gets all of it also from what is read from below, where its message was written again", () => {
    const again = [visible(21, message("t")), ...after];
    const ring = ringWith([...before, ...again], 1);
    const read: Known = { ...ring, floor: 20, events: again, base: ring.settled, rooted: false };
    const plan = planCatchUp(read, { cursor: 20, sure: 100 }, replay);
    const step = plan.kind === "steps" ? plan.steps.at(-1) : undefined;
    expect(step?.kind === "snapshot" ? textOf(step.turn) : "").toBe("said. more and more");
  });

  it("gets none that begins with a message that was written again: the whole conversation says what came before", () => {
    const events = [visible(21, message("t")), ...after, visible(24, message("next"))];
    const known: Known = { floor: 20, events, base: new Map(), rooted: false, quiet: undefined, title: undefined };
    expect(planCatchUp(known, { cursor: 20, sure: 100 }, replay)).toEqual({
      kind: "unknown turn",
      turn: "t",
      isTorn: true,
    });
  });

  it("gets one as of what is above, also when the hub has let go of its events", () => {
    const ring = ringWith([...before, ...after]);
    for (let i = 0; i < 20; i++) {
      append(ring, visible(40 + i, token("t", ".", 2)));
      enforceLimits(ring, limits);
    }
    const plan = planCatchUp(ring, { cursor: ring.floor, sure: 100 }, replay);
    const [step] = plan.kind === "steps" ? plan.steps : [];
    expect(step?.kind === "snapshot" ? textOf(step.turn) : "").toBe(`said. more and more${".".repeat(20)}`);
  });
});
