import { describe, expect, it } from "vitest";
import { generationOffset, noCursor, streamSeqOf } from "../src/cursor.ts";

const created = Date.UTC(2026, 10, 21, 3, 4, 5, 678);
const offset = generationOffset(created);
const range = { offset, firstSeq: 100, lastSeq: 200 };

describe("a cursor", () => {
  it.each([
    ["the newest event", 200, 200],
    ["an event that is kept", 150, 150],
    ["the event just before the oldest that is kept: nothing after it is lost", 99, 99],
    ["an event before that", 98, noCursor],
    ["an event that does not exist yet", 201, noCursor],
  ])("of %s", (_what, seq, expected) => {
    expect(streamSeqOf(offset + seq, range)).toBe(expected);
  });

  it("that is absent cannot be continued", () => {
    expect(streamSeqOf(undefined, range)).toBe(noCursor);
    expect(streamSeqOf(0, range)).toBe(noCursor);
  });

  it("stays valid on a stream that is still empty", () => {
    expect(streamSeqOf(offset, { offset, firstSeq: 0, lastSeq: 0 })).toBe(0);
    expect(streamSeqOf(offset, { offset, firstSeq: 1, lastSeq: 0 })).toBe(0);
  });

  it("of an earlier stream is below every number of the next one", () => {
    const lifeMs = 300;
    const busiest = generationOffset(created) + lifeMs * 99;
    const next = generationOffset(created + lifeMs);
    expect(busiest).toBeLessThan(next);
    expect(streamSeqOf(busiest, { offset: next, firstSeq: 1, lastSeq: 1_000_000 })).toBe(noCursor);
  });

  it("is an exact integer for centuries", () => {
    expect(Number.isSafeInteger(generationOffset(Date.UTC(4800, 0, 1)) + 1e12)).toBe(true);
  });
});
