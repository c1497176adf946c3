import type { SnapshotFrame, StoredEvent, TranscriptMessage } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import type { Recording } from "../../clients/recording.ts";
import type { ConversationHistory, StoredAt } from "../../history.ts";
import { asPromised } from "../../scenario.ts";
import { checkBase } from "../base.ts";
import { checkCancels } from "../cancel.ts";
import { checkEnds } from "../ends.ts";
import { checkCalls, checkExecutions, checkRepeats } from "../once.ts";
import { checkOrder } from "../order.ts";
import { checkTranscript } from "../transcript.ts";
import { checkViewer } from "../viewer.ts";

const conversation = "c1";
const usage = { input_tokens: 1, output_tokens: 1 };

function of(turn: string) {
  const common = { conversation_id: conversation, turn_id: turn, ts: 1_000 };
  const at = (n: number) => ({ ...common, attempt: 1, n });
  const author = { role: "user" as const, id: "ann" };
  return {
    message: { type: "message" as const, ...common, message_id: `${turn}-u`, id: `${turn}-id`, author, message: turn },
    claimed: { type: "claimed" as const, ...at(0), worker: "w" },
    token: (n: number, token: string): StoredEvent => ({ type: "token", ...at(n), token }),
    complete: (n: number, response: string): StoredEvent => ({
      type: "complete",
      ...at(n),
      response,
      message_id: `${turn}-a`,
      tool_calls: [],
      usage,
      metadata: {},
    }),
    cancel: (ts: number): StoredEvent => ({ type: "cancel_requested", ...common, ts, by: "ann", reason: "stop" }),
    cancelled: (n: number, ts: number): StoredEvent => ({
      type: "cancelled",
      ...at(n),
      ts,
      response: "",
      message_id: `${turn}-a`,
      tool_calls: [],
      usage,
      reason: "stop",
    }),
    step: {
      type: "step" as const,
      ...at(2),
      step: 0,
      tool_calls: [{ call_id: "k", tool_name: "look", arguments: {} }],
      usage,
    },
  };
}

function channelOf({ type }: StoredEvent): string {
  if (type === "message") return "user";
  return type === "cancel_requested" ? "ctl" : "a";
}

function stored(...list: readonly StoredEvent[]): StoredAt[] {
  return list.map((event, i) => ({ seq: i + 1, turn: event.turn_id, channel: channelOf(event), event }));
}

function record(turn: string, role: "user" | "assistant", message: string): TranscriptMessage {
  const message_id = `${turn}-${role === "user" ? "u" : "a"}`;
  const common = { turn_id: turn, ts: 1 };
  const answer = role === "user" ? {} : { tool_calls: [], usage };
  return { ...common, message_id, author: { role }, message, status: "complete", ...answer };
}

interface Parts {
  readonly events?: readonly StoredAt[];
  readonly records?: readonly TranscriptMessage[];
  readonly transcript?: readonly TranscriptMessage[];
  readonly queued?: ReadonlyMap<string, number>;
  readonly answers?: ConversationHistory["answers"];
}

function history({
  events = [],
  records = [],
  transcript = records,
  queued = new Map(),
  answers,
}: Parts): ConversationHistory {
  const turns = [...new Set(events.map(({ turn }) => turn))];
  const prompt = (turn: string) => ({
    kind: "short" as const,
    agent: undefined,
    text: turn,
    answers: [],
    asksPeople: false,
    ends: ["complete" as const],
  });
  return {
    plan: {
      id: conversation,
      user: "ann",
      devices: [],
      turns: turns.map((turn) => ({
        id: `${turn}-id`,
        atMs: 0,
        prompt: prompt(turn),
        onBusy: "enqueue" as const,
        repeats: [],
      })),
    },
    events,
    records,
    transcript,
    recordings: [],
    views: [],
    askedCalls: [],
    strangersTries: [],
    queued,
    answers:
      answers ??
      turns.map((turn) => ({
        id: `${turn}-id`,
        device: "d",
        answer: { kind: "accepted" as const, turn, position: 0 },
      })),
  };
}

/** What a device saw that joined before anything was said; `shown` are places in the log, or a frame of its own. */
function seen(events: readonly StoredAt[], shown: readonly (number | SnapshotFrame)[]): Recording {
  const frames = shown.map((seq) => {
    if (typeof seq !== "number") return { kind: "frame" as const, frame: seq, atMs: seq.seq };
    const event = events.find((at) => at.seq === seq)?.event;
    if (event === undefined) throw new Error(`nothing is stored at ${seq}`);
    return { kind: "frame" as const, frame: { ...event, seq }, atMs: seq };
  });
  const subscribed = { type: "subscribed" as const, conversation_id: conversation, mode: "live" as const, seq: 0 };
  return {
    device: "d",
    conversation,
    entries: [
      { kind: "connected", edge: 0, atMs: 0 },
      { kind: "subscribe", after: 0, atMs: 0 },
      { kind: "frame", frame: subscribed, atMs: 0 },
      ...frames,
    ],
  } as unknown as Recording;
}

const t1 = of("t1");
const t2 = of("t2");
const whole = stored(t1.message, t1.claimed, t1.token(1, "a"), t1.token(2, "b"), t1.complete(3, "ab"));
const kept = [record("t1", "user", "t1"), record("t1", "assistant", "ab")];
const sentences = (violations: readonly { what: string }[]): string[] => violations.map(({ what }) => what);

describe("what a device saw", () => {
  const check = (...shown: number[]): string[] =>
    sentences(checkViewer(history({ events: whole, records: kept }), seen(whole, shown), 0, asPromised));

  it("is right when it is everything, in order", () => expect(check(1, 3, 4, 5)).toEqual([]));
  it.each([
    ["lost a token", [1, 3, 5], "missing"],
    ["was told a token twice", [1, 3, 3, 4, 5], "came after"],
    ["got tokens in another order", [1, 4, 3, 5], "came after"],
    ["was never told the end", [1, 3, 4], "never told"],
    ["was told the end twice", [1, 3, 4, 5, 5], "came after"],
    ["lost the message of the user", [3, 4, 5], "missing"],
  ])("is a violation when it %s", (_name, shown, words) => {
    expect(check(...shown).join("; ")).toContain(words);
  });

  it("is a violation when a token says something else than what is stored", () => {
    const other = stored(t1.message, t1.claimed, t1.token(1, "x"), t1.token(2, "b"), t1.complete(3, "ab"));
    const recording = seen(other, [1, 3, 4, 5]);
    const found = sentences(checkViewer(history({ events: whole, records: kept }), recording, 0, asPromised));
    expect(found.join("; ")).toContain("is not what is stored");
  });
});

describe("what a device was shown of a turn in a snapshot", () => {
  const call = { call_id: "k", tool_name: "look", arguments: {}, status: "completed", result: "3", duration_ms: 1 };
  const place = { conversation_id: conversation, turn_id: "t1", ts: 1_000 };
  const end: StoredEvent = { type: "tool_call_end", ...place, ...call };
  const events = stored(t1.message, t1.claimed, t1.token(1, "a"), end, t1.token(2, "b"), t1.complete(3, "ab"));
  const [a, b] = [{ type: "text", text: "a" } as const, { type: "text", text: "b" } as const];
  const looked = { type: "tool_call" as const, ...call };
  const check = (parts: SnapshotFrame["parts"]): string[] => {
    const known = { text: "ab", tool_calls: [call], ...(parts === undefined ? {} : { parts }) };
    const frame: SnapshotFrame = { type: "snapshot", ...place, seq: 5, attempt: 1, status: "running", ...known };
    return sentences(checkViewer(history({ events, records: kept }), seen(events, [1, frame, 6]), 0, asPromised));
  };

  it("is right when its parts are those that are stored, in their order", () => {
    expect(check([a, looked, b])).toEqual([]);
  });
  it.each([
    ["are in another order", [looked, a, b]],
    ["are joined in one place", [{ type: "text" as const, text: "ab" }, looked]],
    ["are not said", undefined],
  ])("is a violation when its parts %s, though text and calls are right", (_what, parts) => {
    expect(check(parts).join("; ")).toContain("stored are text tool_call text");
  });
});

describe("the log", () => {
  it("has one end for each message that was accepted", () => {
    expect(checkEnds(history({ events: whole }), asPromised)).toEqual([]);
    expect(sentences(checkEnds(history({ events: whole.slice(0, 4) }), asPromised))).toEqual([
      "it was accepted and has no terminal event",
    ]);
  });

  it("never has two turns of a conversation at a time, or in another order than they were accepted in", () => {
    const overlapping = stored(t1.message, t2.message, t1.claimed, t2.claimed, t1.complete(1, ""), t2.complete(1, ""));
    expect(sentences(checkOrder(history({ events: overlapping })))).toEqual(["it began while t1 ran"]);
    const swapped = stored(t2.claimed, t2.complete(1, ""), t1.claimed, t1.complete(1, ""));
    const queued = new Map([
      ["t1", 1],
      ["t2", 2],
    ]);
    expect(sentences(checkOrder(history({ events: swapped, queued })))).toEqual([
      "it ran after t2, which was accepted later",
    ]);
  });

  it("has no text long after a request to cancel, and an end soon after it", () => {
    const texts = Array.from({ length: 8 }, (_, i) => t1.token(i + 1, "a"));
    const deaf = stored(t1.message, t1.claimed, t1.cancel(1_000), ...texts, t1.cancelled(9, 1_100));
    expect(sentences(checkCancels(history({ events: deaf }), [], asPromised)).join()).toContain("8 texts");
    const heard = { ...asPromised, agentsHearLateMs: 150 };
    const after = (ms: number) => texts.map((text) => ({ ...text, ts: 1_000 + ms }));
    for (const [ms, faults] of [
      [149, []],
      [150, ["8 texts were stored after the request to cancel it"]],
    ] as const) {
      const events = stored(t1.message, t1.claimed, t1.cancel(1_000), ...after(ms), t1.cancelled(9, 1_200));
      expect(sentences(checkCancels(history({ events }), [], heard))).toEqual(faults);
    }
    const slow = stored(t1.message, t1.claimed, t1.cancel(1_000), t1.cancelled(1, 9_000));
    expect(sentences(checkCancels(history({ events: slow }), [], asPromised)).join()).toContain("8000 ms");
  });

  it("knows no request to the model that goes on after the end", () => {
    const ended = stored(t1.message, t1.claimed, t1.cancel(1_000), t1.cancelled(1, 1_100));
    const open = { client_request_id: "t1-1", at: 1, state: "open", ended_at: null };
    expect(checkCancels(history({ events: ended }), [open], asPromised)).toHaveLength(1);
  });
});

describe("what may happen once", () => {
  it("is one turn per client id", () => {
    const answer = (turn: string) => ({ kind: "accepted" as const, turn, position: 0 });
    const answers = [
      { id: "t1-id", device: "d", answer: answer("t1") },
      { id: "t1-id", device: "d", answer: answer("t2") },
    ];
    expect(checkRepeats(history({ events: whole, answers }))).toHaveLength(1);
  });

  it("is a tool call's result, before the end, and its execution", () => {
    const open = stored(t1.message, t1.claimed, t1.step, t1.complete(3, ""));
    expect(sentences(checkCalls(history({ events: open })))).toEqual(["call k has no result before the end"]);
    expect(checkExecutions({ executions: new Map([["k", 2]]) })).toHaveLength(1);
  });
});

describe("the transcript", () => {
  it("says what viewers were told, once", () => {
    expect(checkTranscript(history({ events: whole, records: kept }))).toEqual([]);
    const twice = [...kept, record("t1", "assistant", "ab")];
    expect(sentences(checkTranscript(history({ events: whole, records: twice }))).join()).toContain("twice");
    const other = [record("t1", "user", "t1"), record("t1", "assistant", "a")];
    expect(sentences(checkTranscript(history({ events: whole, records: other }))).join()).toContain("not what viewers");
    const read = kept.slice(1);
    expect(sentences(checkTranscript(history({ events: whole, records: kept, transcript: read }))).join()).toContain(
      "not read as it is stored",
    );
  });

  it("says it in the order in which viewers have seen it", () => {
    const call = { call_id: "k", tool_name: "look", arguments: {}, status: "completed", result: "3", duration_ms: 1 };
    const end: StoredEvent = {
      type: "tool_call_end",
      conversation_id: conversation,
      turn_id: "t1",
      ts: 1_000,
      ...call,
    };
    const told = { ...t1.complete(3, "ab"), tool_calls: [call] } as StoredEvent;
    const events = stored(t1.message, t1.claimed, t1.token(1, "a"), end, t1.token(2, "b"), told);
    const answer = { ...record("t1", "assistant", "ab"), tool_calls: [call] };
    const check = (parts: TranscriptMessage["parts"]): string[] => {
      const records = [record("t1", "user", "t1"), parts === undefined ? answer : { ...answer, parts }];
      return sentences(checkTranscript(history({ events, records })));
    };
    const [a, b] = [{ type: "text", text: "a" } as const, { type: "text", text: "b" } as const];
    const looked = { type: "tool_call" as const, ...call };
    expect(check([a, looked, b])).toEqual([]);
    expect(check([{ type: "text", text: "ab" }, looked]).join()).toContain("viewers were told text tool_call text");
    expect(check(undefined).join()).toContain("are text tool_call,");
  });
});

describe("figures", () => {
  it("must be back at their base, and known", () => {
    const figure = { process: "edge 0", name: "hubs", atMost: 0 };
    expect(checkBase([{ ...figure, value: 0 }])).toEqual([]);
    expect(checkBase([{ ...figure, value: 1 }])).toHaveLength(1);
    expect(checkBase([{ ...figure, value: Number.NaN }])).toHaveLength(1);
  });
});
