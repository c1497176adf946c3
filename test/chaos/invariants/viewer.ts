import { isDeepStrictEqual } from "node:util";
import {
  createView,
  foldFrame,
  isTerminal,
  isVisible,
  textOf,
  toolCallsOf,
  turn as turnIn,
  type ConversationEventFrame,
  type EventFrame,
  type FrameError,
  type SnapshotFrame,
  type TurnView,
} from "@parley/protocol";
import { isSignal, type ConversationFrame, type Entry, type Recording } from "../clients/recording.ts";
import type { ConversationHistory, StoredAt, Violation } from "../history.ts";
import type { Expected } from "../scenario.ts";
import { mayComeLater, mayNeedWhole } from "./overtaking.ts";
import { createPassedOver } from "./passed-over.ts";
import { kindsOf } from "./part-kinds.ts";
import { turnLogsOf, type TurnState } from "./turn-log.ts";
import { checkEndsSeen } from "./viewer-ends.ts";
import type { StateFrame, Walk } from "./viewer-walk.ts";
import { isUncut, snapshotFaults, tailOf } from "./whole-snapshot.ts";

/**
 * P1, P2 and P6 as one device saw them. Between two frames nothing visible may be missing, each event is byte for byte the stored one, and
 * after each frame the device has exactly what the log says at that place; so also after any cut, on any edge.
 */
export function checkViewer(
  history: ConversationHistory,
  recording: Recording,
  offset: number | undefined,
  expected: Expected,
): Violation[] {
  const violations: Violation[] = [];
  const { device, conversation } = recording;
  const report: Walk["report"] = (promise, what, turn) =>
    void violations.push({ promise, what, conversation, device, ...(turn === undefined ? {} : { turn }) });
  const walk: Walk = {
    history,
    visible: history.events.filter(({ event }) => isVisible(event.type)),
    logs: turnLogsOf(history),
    offset: expected.logLost ? undefined : offset,
    expected,
    view: createView(conversation),
    report,
    ends: new Map(),
    told: new Map(),
    attached: false,
    pending: [],
    cursor: undefined,
    resumedAt: undefined,
    lastSeq: 0,
    isAnew: true,
    wholeAt: undefined,
    isOwedWhole: false,
    knowsFrom: undefined,
    passedOver: createPassedOver(expected.copiesLateMs, ({ event, seq, turn }, how) =>
      report("P2", `${event.type} ${seq} is missing ${how}: it was passed over`, turn),
    ),
    spoilt: new Set(),
    unordered: new Set(),
  };
  for (const entry of recording.entries) take(walk, entry);
  walk.passedOver.finish();
  checkEndsSeen(walk, device, history);
  return violations;
}

function take(walk: Walk, entry: Entry): void {
  switch (entry.kind) {
    case "connected":
    case "lost":
      walk.passedOver.detach(entry.atMs);
      walk.attached = false;
      walk.wholeAt = undefined;
      walk.isOwedWhole = false;
      walk.pending.length = 0;
      return;
    case "subscribe":
      walk.pending.push(entry.after);
      return;
    case "frame":
      walk.passedOver.look(entry.atMs);
      return takeFrame(walk, entry);
    case "unreadable":
      return walk.report("P2", `a frame is not as the protocol says: ${entry.text.slice(0, 120)}`);
    case "complaint":
      return walk.report("P2", `the client library says: ${entry.text}`);
    default:
  }
}

function takeFrame(walk: Walk, { frame, atMs }: { frame: ConversationFrame; atMs: number }): void {
  if (frame.type === "accepted" || frame.type === "subscribed") {
    walk.passedOver.attach(atMs);
    if (frame.type === "subscribed") return attach(walk, frame.seq);
    noteRepeated(walk, frame.turn_id);
    return attachByMessage(walk, frame.turn_id);
  }
  if (!isStored(frame)) return;
  if (isOfConversation(frame)) return takeTitle(walk, frame);
  checkPlace(walk, frame, atMs);
  checkAfterEnd(walk, frame);
  // Who subscribes again with an older cursor asks for what it has already.
  const before = walk.view;
  checkEndText(walk, frame);
  walk.view = foldFrame(before, frame);
  const isNews = walk.view !== before;
  if (frame.type === "snapshot") note(walk, frame);
  else if (isNews && isTerminal(frame.type)) walk.ends.set(frame.turn_id, (walk.ends.get(frame.turn_id) ?? 0) + 1);
  checkState(walk, frame);
}

/** What waits is derived, and moves no cursor; nor do signals. An error that answers a frame is no event. */
function isStored(frame: ConversationFrame): frame is Exclude<ConversationFrame, FrameError | NotStored> {
  return frame.type !== "queue" && !isSignal(frame) && (frame.type !== "error" || "turn_id" in frame);
}

type NotStored = Extract<ConversationFrame, { type: "queue" | "typing" | "presence" | "read" }>;

/** It is no event of a turn: what must have come before it is looked at with the next one that is. */
function isOfConversation(frame: ConversationFrame): frame is ConversationEventFrame {
  return conversationEvents.has(frame.type);
}

const conversationEvents: ReadonlySet<string> = new Set<ConversationEventFrame["type"]>([
  ...(["title", "handover", "member", "pin", "post"] as const),
  ...(["message_edited", "message_deleted", "reaction"] as const),
]);

function takeTitle(walk: Walk, frame: ConversationEventFrame): void {
  if (!walk.attached) walk.report("P2", `${frame.type} ${frame.seq} came without a subscription`);
  if (frame.seq <= walk.lastSeq) walk.report("P2", `${frame.type} ${frame.seq} came after ${walk.lastSeq}`);
  walk.lastSeq = frame.seq;
  walk.view = foldFrame(walk.view, frame);
}

/** `seq`: the cursor from which frames follow. */
function attach(walk: Walk, seq: number): void {
  const asked = answeredBy(walk.pending, seq);
  walk.attached = true;
  walk.cursor = asked ?? seq;
  walk.resumedAt = asked;
  // An edge that cannot go on from the cursor says so, and also one that had sent more before it was asked.
  walk.isAnew = asked === undefined || seq === 0 || seq > asked;
  walk.lastSeq = 0;
}

/**
 * The cursor of the subscription that is answered with this one. Those before it have had their answers: an error names none. Undefined:
 * it named no cursor.
 */
function answeredBy(pending: (number | undefined)[], seq: number): number | undefined {
  const exact = pending.indexOf(seq);
  if (exact >= 0) return pending.splice(0, exact + 1).at(-1);
  const anew = pending.lastIndexOf(undefined);
  return pending.splice(0, anew >= 0 ? anew + 1 : pending.length).at(-1);
}

function noteRepeated(walk: Walk, turn: string): void {
  const { logs, offset = 0, wholeAt } = walk;
  const began = logs.get(turn)?.message?.seq;
  if (wholeAt !== undefined && began !== undefined && offset + began <= wholeAt) walk.isOwedWhole = true;
}

/** Whoever sends a message gets its turn from its beginning on, unless it looked on already. */
function attachByMessage(walk: Walk, turn: string): void {
  if (walk.attached) return;
  const own = walk.logs.get(turn)?.message?.seq;
  walk.attached = true;
  walk.cursor = own === undefined || walk.offset === undefined ? undefined : walk.offset + own - 1;
  walk.resumedAt = undefined;
  walk.isAnew = true;
  walk.lastSeq = 0;
}

function isFreshSnapshot(frame: StateFrame): boolean {
  return frame.type === "snapshot" && frame.messages !== undefined;
}

function checkOrder(walk: Walk, frame: StateFrame): void {
  if (!walk.attached) walk.report("P2", `${frame.type} ${frame.seq} came without a subscription`);
  if (frame.seq <= walk.lastSeq)
    walk.report("P2", `${frame.type} ${frame.seq} came after ${walk.lastSeq}`, frame.turn_id);
  walk.lastSeq = frame.seq;
  if (!isFreshSnapshot(frame)) return;
  const isDue = walk.isAnew || walk.isOwedWhole || walk.expected.freshSnapshots;
  if (!isDue && !mayNeedWhole(walk, frame))
    walk.report("P2", `it was given the whole conversation although it had a cursor (${walk.cursor})`);
  walk.wholeAt = frame.seq;
  walk.isOwedWhole = false;
}

/** Order and completeness: what is between this frame and the one before it. */
function checkPlace(walk: Walk, frame: StateFrame, atMs: number): void {
  checkOrder(walk, frame);
  const { offset, cursor } = walk;
  walk.cursor = frame.seq;
  walk.isAnew = false;
  if (offset === undefined) return;
  const seq = frame.seq - offset;
  if (frame.type === "snapshot" && frame.messages !== undefined) return takeWhole(walk, frame, seq);
  if (frame.type === "snapshot" && frame.turn_id !== undefined) walk.passedOver.settleTurn(frame.turn_id, seq);
  walk.knowsFrom ??= seq;
  const between = cursor === undefined ? [] : walk.visible.filter((at) => at.seq > cursor - offset && at.seq < seq);
  const missed = between.filter((stored) => !isFoldedInto(stored, frame));
  const own = frame.type === "snapshot" ? undefined : walk.visible.find((at) => at.seq === seq);
  const lost = missed.filter((stored) => !mayComeLater(walk, stored, own, seq));
  const [first] = lost;
  if (first !== undefined)
    walk.report("P2", `${first.event.type} ${first.seq} is missing before ${frame.type} ${seq}`, first.turn);
  walk.passedOver.add(
    missed.filter((stored) => !lost.includes(stored)),
    atMs,
  );
  if (frame.type !== "snapshot") checkBytes(walk, frame, seq);
}

/** It is exact at its place, and settles what was missing before. */
function takeWhole(walk: Walk, frame: SnapshotFrame, seq: number): void {
  const { logs, history, report, passedOver } = walk;
  // It stands for all before it, and of what does not fit it says nothing (the transcript over HTTP does): also to who was away for long.
  const from = toldFrom(walk, frame);
  walk.knowsFrom = walk.knowsFrom === undefined ? from : Math.max(walk.knowsFrom, Math.min(from, seq));
  passedOver.settle(seq);
  for (const what of snapshotFaults(frame, seq, { logs, records: history.records }))
    report("P2", `in the snapshot at ${seq}: ${what}`, frame.turn_id);
}

/** Log sequence from which on a snapshot of the conversation must say how turns ended. */
function toldFrom({ logs, history }: Walk, frame: SnapshotFrame): number {
  const first = tailOf(frame.messages ?? [], history.records)[0]?.turn_id;
  return isUncut(frame) || first === undefined ? 0 : (logs.get(first)?.terminal?.seq ?? Number.POSITIVE_INFINITY);
}

/** A snapshot stands for the events of its turn, but neither for messages nor for ends. */
function isFoldedInto({ turn, event }: StoredAt, frame: StateFrame): boolean {
  if (frame.type !== "snapshot" || turn !== frame.turn_id) return false;
  return event.type !== "message" && !isTerminal(event.type);
}

function checkBytes(walk: Walk, { seq: wireSeq, ...event }: EventFrame, seq: number): void {
  const stored = walk.visible.find((at) => at.seq === seq);
  if (stored === undefined) walk.report("P2", `${event.type} ${seq} (${wireSeq}) is not in the log`, event.turn_id);
  else if (!isDeepStrictEqual(event, stored.event))
    walk.report("P2", `${event.type} ${seq} is not what is stored there`, event.turn_id);
}

/** Of a tool that stopped too late, or of a decision that met the cancel. */
const mayComeAfterEnd: ReadonlySet<string> = new Set(["tool_call_progress", "approval_decided"]);

function checkAfterEnd(walk: Walk, frame: StateFrame): void {
  if (walk.expected.logLost || frame.turn_id === undefined) return;
  if (!walk.ends.has(frame.turn_id) && !walk.told.has(frame.turn_id)) return;
  // What the device already has is no news: it is not shown again.
  if (frame.seq <= walk.view.seq || mayComeAfterEnd.has(frame.type)) return;
  const hasCancelled = turnIn(walk.view, frame.turn_id)?.status === "cancelled";
  walk.report(hasCancelled ? "P6" : "P1", `${frame.type} ${frame.seq} came after the end of its turn`, frame.turn_id);
}

/** What it has when the end comes is the text that the end says: the fold would put right what is not. */
function checkEndText({ view, offset, passedOver, spoilt, report }: Walk, frame: StateFrame): void {
  if (!("response" in frame) || offset === undefined || frame.seq <= view.seq) return;
  if (passedOver.has(frame.turn_id) || spoilt.has(frame.turn_id)) return;
  const { length } = textOf(turnIn(view, frame.turn_id) ?? []);
  if (textOf(turnIn(view, frame.turn_id) ?? []) === frame.response) return;
  report("P2", `it has ${length} characters when the end says ${frame.response.length}`, frame.turn_id);
}

/** What a snapshot of the conversation says about turns that have ended. */
function note({ told }: Walk, { messages = [] }: SnapshotFrame): void {
  for (const { turn_id, author, message, status } of messages) {
    if (author.role === "assistant") told.set(turn_id, { text: message, status });
  }
}

/** What the device has of this turn is what the log says at this place. */
function checkState(walk: Walk, frame: StateFrame): void {
  const { view, logs, offset, spoilt, unordered, passedOver, report } = walk;
  const { turn_id, seq, type } = frame;
  if (offset === undefined || turn_id === undefined || seq < view.seq || spoilt.has(turn_id)) return;
  if (passedOver.has(turn_id)) return;
  const stored = logs.get(turn_id)?.asOf(seq - offset);
  if (frame.type === "snapshot" && frame.parts === undefined && isLarge(stored)) unordered.add(turn_id);
  const fault = stateFault(turnIn(view, turn_id), stored, unordered.has(turn_id));
  if (fault === undefined) return;
  spoilt.add(turn_id);
  report("P2", `after ${type} ${seq - offset} ${fault}`, turn_id);
}

/** The same parts in the same order; what is said of text and calls alone only says it in better words. */
function stateFault(
  turn: TurnView | undefined,
  stored: TurnState | undefined,
  isUnordered: boolean,
): string | undefined {
  if (turn === undefined || stored === undefined) return "it is of no turn that is known";
  const [text, storedText] = [textOf(turn), textOf(stored)];
  if (text !== storedText) return `it has ${text.length} characters, stored are ${storedText.length}`;
  if (!isDeepStrictEqual(toolCallsOf(turn), toolCallsOf(stored))) return "its tool calls are not those that are stored";
  if (isUnordered || isDeepStrictEqual(turn.parts, stored.parts)) return undefined;
  return `its parts are ${kindsOf(turn.parts)}, stored are ${kindsOf(stored.parts)}`;
}

/** A snapshot may go without the order of what is larger than some such size. */
function isLarge(stored: TurnState | undefined): boolean {
  return JSON.stringify(stored?.parts ?? []).length > 150_000;
}
