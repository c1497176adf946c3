import { unreadableFact } from "@parley/bus";
import { limits, type FactOf } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { expiresAtMs, verdictOf, type CallApproval } from "../src/call-approval.ts";

const ttlMs = 60_000;
/** By a clock that is an hour behind the broker's. */
const asked: FactOf<"asked"> = {
  ...{ kind: "asked", v: 1, conversation_id: "c", turn_id: "t", call_id: "t-0-0", ts: 1_000_000 },
  ...{ tool_name: "ask", summary: "?", expires_at: 1_000_000 + ttlMs, hash: "h" },
};
const askedMs = 1_000_000 + 3_600_000;

function decidedAfter(ms: number, decision: Partial<FactOf<"decided">>): CallApproval {
  const { ts: _ts, tool_name: _name, summary: _summary, expires_at: _at, kind: _kind, ...of } = asked;
  const fact: FactOf<"decided"> = { ...of, kind: "decided", ts: 5, approved: true, by: { id: "p" }, ...decision };
  return { asked, askedMs, decision: { fact, atMs: askedMs + ms } };
}

describe("what was said about a call", () => {
  it("is nothing while nobody has decided", () => {
    const approval = { asked, askedMs, decision: undefined };
    expect(verdictOf(approval)).toEqual({ kind: "undecided" });
    expect(expiresAtMs(approval)).toBe(askedMs + ttlMs);
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
    [
      { approved: false, expired: true as const, by: undefined },
      "expired",
      "Nobody agreed in time, so this was not done.",
    ],
    [{ approved: false, by: undefined }, "denied", "Denied."],
  ])("is told in words: %j", (decision, how, result) => {
    expect(verdictOf(decidedAfter(1, decision))).toEqual({ kind: "denied", how, result });
  });

  it("never counts as agreement when it cannot be read", () => {
    expect(verdictOf({ asked, askedMs, decision: { fact: unreadableFact, atMs: askedMs } }).kind).toBe("denied");
  });

  it("is bounded in time, whatever its question says", () => {
    const endless = { asked: { ...asked, expires_at: 9e15 }, askedMs, decision: undefined };
    expect(expiresAtMs(endless)).toBe(askedMs + 24 * 60 * 60_000);
    expect(expiresAtMs({ ...endless, asked: { ...asked, expires_at: 0 } })).toBe(askedMs);
  });
});
