import { unreadableFact } from "@parley/bus";
import { agreementLapsed, limits, notAgreedInTime, type FactOf } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { verdictOf, type SeenApproval } from "../src/call-approval.ts";

const ttlMs = 60_000;
/** By a clock that is an hour behind the broker's. */
const fact: FactOf<"asked"> = {
  ...{ kind: "asked", v: 1, conversation_id: "c", turn_id: "t", call_id: "t-0-0", ts: 1_000_000 },
  ...{ tool_name: "ask", summary: "?", expires_at: 1_000_000 + ttlMs, hash: "h" },
};
const askedMs = 1_000_000 + 3_600_000;
const asked = { fact, storedMs: askedMs };

function decidedAfter(ms: number, decision: Partial<FactOf<"decided">>): SeenApproval {
  const { ts: _ts, tool_name: _name, summary: _summary, expires_at: _at, kind: _kind, ...of } = fact;
  const decided: FactOf<"decided"> = { ...of, kind: "decided", ts: 5, approved: true, by: { id: "p" }, ...decision };
  return { asked, decided: { fact: decided, storedMs: askedMs + ms }, seenMs: askedMs + ms };
}

describe("what was said about a call", () => {
  it("is nothing while nobody has decided", () => {
    expect(verdictOf({ asked, decided: undefined, seenMs: Infinity })).toEqual({ kind: "undecided" });
  });

  it.each([
    [0, "approved"],
    [ttlMs, "approved"],
    [ttlMs + limits.approvalGraceMs, "approved"],
    [ttlMs + limits.approvalGraceMs + 1, "denied"],
  ])("is judged by the broker's clock alone: agreed to after %i ms is %s", (ms, kind) => {
    expect(verdictOf(decidedAfter(ms, {})).kind).toBe(kind);
  });

  it.each([
    [{ approved: false, by: { id: "p", name: "Petra" } }, "denied", "Denied by Petra."],
    [{ approved: false, by: { id: "p" }, reason: "" }, "denied", "Denied by p."],
    [{ approved: false, by: { id: "p" }, reason: "no." }, "denied", "Denied by p: no."],
    [{ approved: false, expired: true as const, by: undefined }, "expired", notAgreedInTime],
    [{ approved: false, by: undefined }, "denied", "Denied."],
  ])("is told in words: %j", (decision, how, result) => {
    expect(verdictOf(decidedAfter(1, decision))).toEqual({ kind: "denied", how, result });
  });

  it("never counts as agreement when it cannot be read", () => {
    const unreadable = { fact: unreadableFact, storedMs: askedMs };
    expect(verdictOf({ asked, decided: unreadable, seenMs: askedMs }).kind).toBe("denied");
  });

  it.each([
    [ttlMs, "approved"],
    [ttlMs + limits.approvalBeginGraceMs, "approved"],
    [ttlMs + limits.approvalBeginGraceMs + 1, "denied"],
  ])("is not kept for later: agreed to at once, after %i ms it is %s", (ms, kind) => {
    expect(verdictOf({ ...decidedAfter(0, {}), seenMs: askedMs + ms }).kind).toBe(kind);
  });

  it("says of an agreement that has lapsed that there was one", () => {
    const lapsed = { ...decidedAfter(0, {}), seenMs: Infinity };
    expect(verdictOf(lapsed)).toEqual({ kind: "denied", how: "lapsed", result: agreementLapsed });
    const late = decidedAfter(ttlMs + 60_000, {});
    expect(verdictOf(late)).toEqual({ kind: "denied", how: "late", result: notAgreedInTime });
  });
});
