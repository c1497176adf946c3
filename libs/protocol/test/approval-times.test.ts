import { describe, expect, it } from "vitest";
import {
  approvalEndMs,
  decidedEventOf,
  hasExpired,
  hasLapsed,
  limits,
  type AskedAt,
  type DecidedAt,
  type FactOf,
} from "@parley/protocol";

const ttlMs = 60_000;
const place = { v: 1, conversation_id: "c", turn_id: "t", call_id: "t-0-0" };
/** By a clock that is an hour behind the broker's. */
const storedMs = 5_000_000;
const question: FactOf<"asked"> = {
  ...{ kind: "asked", ...place, ts: storedMs - 3_600_000, tool_name: "ask", summary: "?", hash: "h" },
  expires_at: storedMs - 3_600_000 + ttlMs,
};
const asked: AskedAt = { fact: question, storedMs };

function decidedAfter(ms: number, more: Partial<FactOf<"decided">> = {}): DecidedAt {
  const said = { approved: true, by: { id: "p" }, hash: "h", ...more };
  return { fact: { kind: "decided", ...place, ts: 7, ...said }, storedMs: storedMs + ms };
}

describe("the time of a decision", () => {
  it("is the broker's, and bounded whatever the question says", () => {
    expect(approvalEndMs(asked)).toBe(storedMs + ttlMs);
    expect(approvalEndMs({ ...asked, fact: { ...question, expires_at: 9e15 } })).toBe(storedMs + limits.approvalMs);
    expect(approvalEndMs({ ...asked, fact: { ...question, expires_at: 0 } })).toBeLessThanOrEqual(storedMs);
  });

  it.each([
    [0, {}, false],
    [ttlMs + limits.approvalGraceMs, {}, false],
    [ttlMs + limits.approvalGraceMs + 1, {}, true],
    [ttlMs + 3_600_000, { approved: false }, false],
    [0, { approved: false, expired: true as const }, true],
  ])("after %i ms, of %j, says whether it came too late: %s", (ms, said, expired) => {
    expect(hasExpired(asked, decidedAfter(ms, said))).toBe(expired);
  });

  it("leaves a call that was agreed to in the last moment the time to begin, and no more", () => {
    expect(limits.approvalBeginGraceMs).toBeGreaterThan(limits.approvalGraceMs);
    expect(hasLapsed(asked, storedMs + ttlMs + limits.approvalBeginGraceMs)).toBe(false);
    expect(hasLapsed(asked, storedMs + ttlMs + limits.approvalBeginGraceMs + 1)).toBe(true);
  });
});

describe("what viewers are told of a decision", () => {
  const { v: _v, ...event } = { ...place, type: "approval_decided", ts: 7 };

  it("is what was said, and who said it", () => {
    expect(decidedEventOf(asked, decidedAfter(1, { reason: "go" }))).toEqual({
      ...event,
      ...{ approved: true, by: { id: "p" }, reason: "go" },
    });
  });

  it("is that the time was over, where it was, whoever said what", () => {
    const over = { ...event, approved: false, reason: "expired" };
    expect(decidedEventOf(asked, decidedAfter(ttlMs + 60_000, { reason: "go" }))).toEqual(over);
    expect(decidedEventOf(asked, decidedAfter(0, { approved: false, expired: true }))).toEqual(over);
  });
});
