import type { VisibleEvent } from "@parley/dialects";
import { textOf } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import {
  append,
  createRing,
  enforceLimits,
  extendDown,
  insert,
  lowerFloor,
  trim,
  turnsUnderWay,
  type Ring,
} from "../src/hub/ring.ts";
import { complete, message, token, visible } from "./support/conversation-history.ts";

const limits = { ringEvents: 4, ringBytes: 100_000 };

function fill(ring: Ring, events: readonly VisibleEvent[]): Ring {
  for (const event of events) append(ring, event);
  return ring;
}

function seqs({ events }: Ring): number[] {
  return events.map(({ seq }) => seq);
}

const begin = [visible(11, message("t")), visible(12, token("t", "a")), visible(13, token("t", "b"))];

describe("a ring", () => {
  it("keeps what was appended until its limits are enforced", () => {
    const ring = fill(createRing(10), [...begin, visible(14, token("t", "c")), visible(15, token("t", "d"))]);
    expect(seqs(ring)).toHaveLength(5);
    enforceLimits(ring, limits);
    expect(seqs(ring)).toEqual([14, 15]);
    expect(ring.floor).toBe(13);
  });

  it("folds what leaves of a turn that still runs", () => {
    const ring = fill(createRing(10), [...begin, visible(14, token("t", "c")), visible(15, token("t", "d"))]);
    enforceLimits(ring, limits);
    expect(ring.base.get("t")).toMatchObject({ startSeq: 11, view: { parts: [{ type: "text", text: "ab" }] } });
    expect(ring.quiet).toEqual({ since: 11, turn: "t" });
  });

  it("counts no event of the conversation alone as a turn under way", () => {
    const titled: VisibleEvent = { ...visible(14, token("t", "c")), turn: "", type: "title" };
    expect(turnsUnderWay(fill(createRing(10), [...begin, titled]))).toEqual(["t"]);
  });

  it("lets an ended turn go as a whole, unread", () => {
    const ring = fill(createRing(10), [...begin, visible(14, complete("t", "ab")), visible(15, message("u"))]);
    enforceLimits(ring, limits);
    expect(seqs(ring)).toEqual([15]);
    expect([...ring.base]).toEqual([]);
  });

  it("counts bytes, and lets go of an event that is larger than all of it", () => {
    const ring = fill(createRing(10), [visible(11, message("t", "x".repeat(500)))]);
    enforceLimits(ring, { ringEvents: 4, ringBytes: 400 });
    expect(ring).toMatchObject({ bytes: 0, floor: 11, events: [] });
    expect(ring.base.get("t")?.view.message?.message).toHaveLength(500);
  });

  it("that is trimmed still knows the turn that runs", () => {
    const ring = fill(createRing(10), begin);
    trim(ring);
    expect(ring).toMatchObject({ floor: 13, bytes: 0, events: [] });
    append(ring, visible(20, token("t", "c")));
    trim(ring);
    expect(textOf(ring.base.get("t")?.view ?? [])).toBe("abc");
  });

  it("takes in older events when there is room", () => {
    const ring = fill(createRing(11), begin.slice(1));
    extendDown(ring, limits, { fromSeq: 5, events: [visible(7, message("t"))], isRoot: true });
    expect(seqs(ring)).toEqual([7, 12, 13]);
    expect(ring).toMatchObject({ floor: 4, rooted: true });
  });

  it("keeps only the open turns of older events when there is none", () => {
    const older = [
      visible(2, message("old")),
      visible(3, complete("old", "")),
      visible(4, message("t")),
      visible(5, token("t", "early ")),
    ];
    const ring = fill(createRing(11), begin.slice(1));
    extendDown(ring, limits, { fromSeq: 1, events: older, isRoot: true });
    expect(seqs(ring)).toEqual([12, 13]);
    expect(ring.floor).toBe(11);
    expect([...ring.base.keys()]).toEqual(["t"]);
    expect(textOf(ring.base.get("t")?.view ?? [])).toBe("early ");
  });

  it("takes a late event in its place, and none that is not above its floor", () => {
    const ring = fill(
      createRing(10),
      begin.filter(({ seq }) => seq !== 12),
    );
    expect([insert(ring, begin[1]!), insert(ring, begin[1]!), insert(ring, visible(10, token("t", "x")))]).toEqual([
      true,
      true,
      false,
    ]);
    expect(seqs(ring)).toEqual([11, 12, 13]);
    expect(ring.bytes).toBe(begin.reduce((sum, { frame }) => sum + frame.length, 0));
  });

  it("lets a turn go as a whole whose end came late", () => {
    const ring = fill(createRing(10), [...begin, visible(15, message("u"))]);
    insert(ring, visible(14, complete("t", "ab")));
    enforceLimits(ring, limits);
    expect(seqs(ring)).toEqual([15]);
    expect([[...ring.base], ring.endsLeft]).toEqual([[], 1]);
  });

  it("never raises its floor when it learns that there was nothing below", () => {
    const ring = createRing(10);
    lowerFloor(ring, 5);
    lowerFloor(ring, 8);
    expect(ring.floor).toBe(5);
  });
});
