import type { SnapshotFrame, StoredEvent, TranscriptMessage } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import type { StoredAt } from "../../history.ts";
import { createPassedOver } from "../passed-over.ts";
import { turnLogsOf } from "../turn-log.ts";
import { snapshotFaults } from "../whole-snapshot.ts";

const usage = { input_tokens: 1, output_tokens: 1 };
const common = { conversation_id: "c1", turn_id: "t1", ts: 1 };
const chained = (n: number) => ({ ...common, attempt: 1, n });
const author = { role: "user" as const };

const question: StoredEvent = { type: "message", ...common, message_id: "t1-u", id: "m", author, message: "hi" };
const end = { response: "ab", message_id: "t1-a", tool_calls: [], usage, metadata: {} };
const listed: readonly StoredEvent[] = [
  question,
  { type: "claimed", ...chained(0), worker: "w" },
  { type: "token", ...chained(1), token: "ab" },
  { type: "complete", ...chained(2), ...end },
];
const events: StoredAt[] = listed.map((event, i) => ({
  seq: i + 1,
  turn: "t1",
  channel: event.type === "message" ? "user" : "a",
  event,
}));

const asked: TranscriptMessage = {
  message_id: "t1-u",
  turn_id: "t1",
  author,
  message: "hi",
  status: "complete",
  ts: 1,
};
const answered: TranscriptMessage = {
  message_id: "t1-a",
  turn_id: "t1",
  author: { role: "assistant" },
  message: "ab",
  status: "complete",
  tool_calls: [],
  usage,
  metadata: {},
  ts: 1,
};
const records: TranscriptMessage[] = [asked, answered];

function faultsAt(seq: number, messages: readonly TranscriptMessage[], turn?: Partial<SnapshotFrame>): string {
  const frame: SnapshotFrame = {
    type: "snapshot",
    conversation_id: "c1",
    seq,
    messages: [...messages],
    status: "idle",
    ts: 1,
    ...turn,
  };
  return snapshotFaults(frame, seq, { logs: turnLogsOf({ events }), records }).join("; ");
}

const running = { turn_id: "t1", status: "running" as const };

describe("a snapshot of the conversation", () => {
  it("is right when it holds what was stored up to its place, and no more", () => {
    expect(faultsAt(3, [asked], running)).toBe("");
    expect(faultsAt(4, [asked, answered])).toBe("");
  });
  it.each([
    ["holds an answer from beyond its place", 3, [asked, answered], {}, "has the answer of t1"],
    ["says that nothing runs while something does", 3, [asked], {}, "it is idle"],
    ["lacks a message", 3, [], running, "lacks message t1-u"],
    ["lacks an answer", 4, [asked], {}, "lacks message t1-a"],
    ["shows a turn that had ended as a running one", 4, [asked, answered], running, "which was not open then"],
    ["has a message twice", 4, [asked, asked, answered], {}, "twice"],
    ["has the answer before the question", 4, [answered, asked], {}, "before the question"],
    [
      "says something else than what is kept",
      4,
      [asked, { ...answered, message: "a" }],
      {},
      "not the one that is kept",
    ],
  ] as const)("is a violation when it %s", (_name, seq, messages, turn, words) => {
    expect(faultsAt(seq, messages, turn)).toContain(words);
  });
});

describe("an event that was passed over", () => {
  const open = () => {
    const reports: string[] = [];
    const passedOver = createPassedOver(0, ({ seq }, how) => void reports.push(`${seq} ${how}`));
    passedOver.add(events.slice(0, 1), 0);
    return { passedOver, reports };
  };
  it("is no violation when a snapshot stands for it soon", () => {
    const { passedOver, reports } = open();
    passedOver.look(1_000);
    passedOver.settle(1);
    passedOver.finish();
    expect(reports).toEqual([]);
  });
  it("is one when it takes too long, or never comes", () => {
    const slow = open();
    slow.passedOver.look(60_000);
    expect(slow.reports).toEqual(["1 for 60000 ms"]);
    const never = open();
    never.passedOver.finish();
    expect(never.reports).toEqual(["1 to the end"]);
  });
  it("is not counted as late while the device is away", () => {
    const { passedOver, reports } = open();
    passedOver.detach(10);
    passedOver.look(60_000);
    passedOver.attach(60_000);
    passedOver.look(61_000);
    expect(reports).toEqual([]);
  });
});
