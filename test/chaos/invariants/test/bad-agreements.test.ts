import { expect, it } from "vitest";
import type { StoredEvent } from "@parley/protocol";
import type { AskedCall, ConversationHistory, StoredAt } from "../../history.ts";
import { asPromised } from "../../scenario.ts";
import { checkAgreements } from "../agreed.ts";

const call = "t-0-0";
const done: AskedCall = {
  ...{ turn: "t", call, status: "completed", outcome: "complete", isWanted: false },
  asked: { atMs: 1_000, ttlMs: 60_000 },
  decided: { atMs: 2_000, approved: true, by: "ann" },
};
const denied: AskedCall = { ...done, status: "denied", decided: { atMs: 2_000, approved: false, by: "ann" } };

interface Seen {
  readonly asked?: AskedCall;
  readonly runs?: number;
  readonly events?: readonly StoredEvent[];
  readonly strangers?: ConversationHistory["strangersTries"];
}

function faultsOf({ asked = done, runs = 1, events = [], strangers = [] }: Seen): string[] {
  const plan = { id: "c", user: "ann", devices: [], turns: [] };
  const stored = events.map((event, i): StoredAt => {
    const channel = event.type === "approval_decided" ? `approval.${call}` : "a";
    return { seq: i + 1, turn: "t", channel: event.type === "cancel_requested" ? "ctl" : channel, event };
  });
  const nothing = {
    records: [],
    transcript: [],
    recordings: [],
    views: [],
    answers: [],
    queued: new Map<string, number>(),
  };
  const history = { plan, events: stored, ...nothing, askedCalls: [asked], strangersTries: strangers };
  return checkAgreements(history, new Map(runs === 0 ? [] : [[call, runs]]), asPromised).map(({ what }) => what);
}

const common = { conversation_id: "c", turn_id: "t" };
const waiting: StoredEvent = { type: "waiting", ...common, ts: 1_000, attempt: 1, n: 5, for: "approval", until: 9 };
const decided: StoredEvent = {
  ...{ type: "approval_decided", ...common, ts: 2_000, call_id: call },
  ...{ approved: true, by: { id: "ann" } },
};
const claimed = (ts: number): StoredEvent => ({ type: "claimed", ...common, ts, attempt: 2, n: 0, worker: "w" });
const cancel: StoredEvent = { type: "cancel_requested", ...common, ts: 2_500, by: "ann", reason: "stop" };

it("a call that was agreed to runs once, one that was denied or expired does not", () => {
  expect(faultsOf({})).toEqual([]);
  expect(faultsOf({ asked: denied, runs: 0 })).toEqual([]);
  expect(faultsOf({ asked: { ...denied, decided: { atMs: 99_000, approved: true, by: "ann" } }, runs: 0 })).toEqual([]);
  expect(faultsOf({ asked: { ...done, status: "unknown" }, runs: 0 })).toEqual([]);
});

it.each<[string, Seen, RegExp]>([
  ["ran although it was denied", { asked: { ...denied, status: "completed" } }, /without a word/],
  ["ran although nobody had decided", { asked: { ...done, decided: undefined } }, /without a word/],
  [
    "ran after its time",
    { asked: { ...done, decided: { atMs: 67_000, approved: true, by: "ann" } } },
    /without a word/,
  ],
  ["ran without being asked for", { asked: { ...done, asked: undefined } }, /without a word/],
  ["ran twice", { runs: 2 }, /ran 2 times/],
  ["ran, and is told as not done", { asked: { ...done, status: "failed" } }, /told as failed/],
  ["is told as done and did not run", { runs: 0 }, /did not run/],
  ["was agreed to and is told as denied", { asked: { ...done, status: "denied" }, runs: 0 }, /agreed to and ended as/],
  ["was denied and is told as failed", { asked: { ...denied, status: "failed" }, runs: 0 }, /not agreed to and ended/],
  ["ended without a decision", { asked: { ...denied, decided: undefined }, runs: 0 }, /without a decision/],
  [
    "nobody got to see",
    { asked: { ...denied, isWanted: true, decided: { atMs: 99_000, approved: false, by: undefined } }, runs: 0 },
    /nobody could/,
  ],
  ["was decided by a stranger", { asked: { ...done, decided: { atMs: 2_000, approved: true, by: "eve" } } }, /eve/],
  ["let a stranger decide", { strangers: [{ call, status: 200 }] }, /stranger .* answered 200/],
])("a call that %s is found", (_, seen, fault) => {
  expect(faultsOf(seen).join(" ")).toMatch(fault);
});

it("a decision of which viewers are told another one is found", () => {
  expect(faultsOf({ events: [decided] })).toEqual([]);
  expect(faultsOf({ events: [{ ...decided, approved: false }] })).toEqual([expect.stringContaining("was denied")]);
});

it("a turn that goes on too late is found, unless it was stopped or did not wait yet", () => {
  expect(faultsOf({ events: [waiting, decided, claimed(5_900)] })).toEqual([]);
  expect(faultsOf({ events: [waiting, decided, claimed(6_100)] })).toEqual([expect.stringContaining("4100 ms")]);
  expect(faultsOf({ events: [waiting, decided, cancel, claimed(9_000)] })).toEqual([]);
  expect(faultsOf({ events: [decided, waiting, claimed(9_000)] })).toEqual([]);
});
