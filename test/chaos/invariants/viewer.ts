import { isDeepStrictEqual } from "node:util";
import {
  applyFrame,
  createView,
  isTerminal,
  isVisible,
  type ConversationView,
  type EventFrame,
  type SnapshotFrame,
  type TurnView,
} from "@parley/protocol";
import type { ConversationFrame, Entry, Recording } from "../clients/recording.ts";
import type { ConversationHistory, StoredAt, Violation } from "../history.ts";
import type { PromiseId } from "../promise.ts";
import type { Expected } from "../scenario.ts";
import { turnLogsOf, type TurnLog, type TurnState } from "./turn-log.ts";

type StateFrame = EventFrame | SnapshotFrame;

interface Walk {
  readonly events: readonly StoredAt[];
  /** Of those, what viewers see. */
  readonly visible: readonly StoredAt[];
  readonly logs: ReadonlyMap<string, TurnLog>;
  /** Wire cursor minus log sequence; undefined: nothing of the log can be compared. */
  readonly offset: number | undefined;
  readonly expected: Expected;
  readonly view: ConversationView;
  readonly report: (promise: PromiseId, what: string, turn?: string) => void;
  /** Ends that came as frames, by turn. */
  readonly ends: Map<string, number>;
  /** Answers that came with a transcript. */
  readonly told: Map<string, { readonly text: string; readonly status: string }>;
  /** Whether the server sends events on the present connection. */
  attached: boolean;
  /** Cursors of subscriptions that have no answer yet. */
  readonly pending: (number | undefined)[];
  /** Everything up to this wire cursor is there; undefined: the next frame says where it begins. */
  cursor: number | undefined;
  /** Of the last frame since the subscription began: what follows must be above it. */
  lastSeq: number;
  /** The subscription named no cursor: it begins with a snapshot of the conversation. */
  isAnew: boolean;
  /** The first frame after attaching by a message must not be later than this. */
  beginsBy: number | undefined;
  /** Log sequence from which on this device must know how turns ended. */
  knowsFrom: number | undefined;
  /** Turns of which it has something else than what is stored: said once, as all that follows is wrong too. */
  readonly spoilt: Set<string>;
}

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
  const walk: Walk = {
    events: history.events,
    visible: history.events.filter(({ event }) => isVisible(event.type)),
    logs: turnLogsOf(history),
    offset: expected.logLost ? undefined : offset,
    expected,
    view: createView(conversation),
    report: (promise, what, turn) =>
      void violations.push({ promise, what, conversation, device, ...(turn === undefined ? {} : { turn }) }),
    ends: new Map(),
    told: new Map(),
    attached: false,
    pending: [],
    cursor: undefined,
    lastSeq: 0,
    isAnew: true,
    beginsBy: undefined,
    knowsFrom: undefined,
    spoilt: new Set(),
  };
  for (const entry of recording.entries) take(walk, entry);
  checkEndsSeen(walk, device, history);
  return violations;
}

function take(walk: Walk, entry: Entry): void {
  switch (entry.kind) {
    case "connected":
    case "lost":
      walk.attached = false;
      walk.pending.length = 0;
      return;
    case "subscribe":
      walk.pending.push(entry.after);
      return;
    case "frame":
      return takeFrame(walk, entry.frame);
    case "unreadable":
      return walk.report("P2", `a frame is not as the protocol says: ${entry.text.slice(0, 120)}`);
    case "complaint":
      return walk.report("P2", `the client library says: ${entry.text}`);
    default:
  }
}

function takeFrame(walk: Walk, frame: ConversationFrame): void {
  if (frame.type === "accepted") return attachByMessage(walk, frame.turn_id);
  if (frame.type === "subscribed") return attach(walk, frame.seq);
  // An error that answers a frame is no event.
  if (frame.type === "error" && !("turn_id" in frame)) return;
  checkPlace(walk, frame);
  checkAfterEnd(walk, frame);
  // Who subscribes again with an older cursor asks for what it has already.
  const isNews = applyFrame(walk.view, frame);
  if (frame.type === "snapshot") note(walk, frame);
  else if (isNews && isTerminal(frame.type)) walk.ends.set(frame.turn_id, (walk.ends.get(frame.turn_id) ?? 0) + 1);
  checkState(walk, frame);
}

/** `seq`: the cursor from which frames follow. */
function attach(walk: Walk, seq: number): void {
  const asked = answeredBy(walk.pending, seq);
  walk.attached = true;
  walk.cursor = asked ?? seq;
  walk.isAnew = asked === undefined;
  walk.lastSeq = 0;
  walk.beginsBy = undefined;
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

/** Whoever sends a message gets its turn from its beginning on, unless it looked on already. */
function attachByMessage(walk: Walk, turn: string): void {
  if (walk.attached) return;
  walk.attached = true;
  walk.cursor = undefined;
  walk.isAnew = true;
  walk.lastSeq = 0;
  walk.beginsBy = walk.logs.get(turn)?.message?.seq;
}

function isFreshSnapshot(frame: StateFrame): boolean {
  return frame.type === "snapshot" && frame.messages !== undefined;
}

function checkOrder(walk: Walk, frame: StateFrame): void {
  if (!walk.attached) walk.report("P2", `${frame.type} ${frame.seq} came without a subscription`);
  if (frame.seq <= walk.lastSeq)
    walk.report("P2", `${frame.type} ${frame.seq} came after ${walk.lastSeq}`, frame.turn_id);
  walk.lastSeq = frame.seq;
  if (isFreshSnapshot(frame) && !walk.isAnew && !walk.expected.freshSnapshots && !mayHaveOvertaken(walk, frame))
    walk.report("P2", `it was given the whole conversation although it had a cursor (${walk.cursor})`);
}

/** Events stored so close to each other were written at the same time; and the broker passes them on not later than that. */
const [sameTimeEvents, lateEvents] = [64, 2_000];

/**
 * Two writers at the same time: the broker stores one event after the other, but may pass them on in the other order. An edge puts that
 * right with a snapshot of the conversation.
 */
function mayHaveOvertaken({ events, offset }: Walk, frame: StateFrame): boolean {
  if (offset === undefined) return false;
  const seq = frame.seq - offset;
  return events.some(({ channel, seq: first }, i) => {
    const next = events[i + 1];
    if (next === undefined || next.channel === channel || next.seq > seq || first < seq - lateEvents) return false;
    return next.seq - first <= sameTimeEvents;
  });
}

/** Order and completeness: what is between this frame and the one before it. */
function checkPlace(walk: Walk, frame: StateFrame): void {
  checkOrder(walk, frame);
  const { offset, cursor } = walk;
  walk.cursor = frame.seq;
  walk.isAnew = false;
  if (offset === undefined) return;
  const seq = frame.seq - offset;
  if (frame.type === "snapshot" && frame.messages !== undefined) {
    walk.knowsFrom ??= toldFrom(walk, frame);
    // It has the message, and whatever came after it.
    walk.beginsBy = undefined;
    return;
  }
  walk.knowsFrom ??= seq;
  if (walk.beginsBy !== undefined && seq > walk.beginsBy)
    walk.report(
      "P2",
      `what follows its own message begins at ${seq}, after the message at ${walk.beginsBy}`,
      frame.turn_id,
    );
  walk.beginsBy = undefined;
  const missed = cursor === undefined ? [] : walk.visible.filter((at) => at.seq > cursor - offset && at.seq < seq);
  const [first] = missed.filter((stored) => !isFoldedInto(stored, frame));
  if (first !== undefined)
    walk.report("P2", `${first.event.type} ${first.seq} is missing before ${frame.type} ${seq}`, first.turn);
  if (frame.type !== "snapshot") checkBytes(walk, frame, seq);
}

/** A snapshot holds the newest messages up to these limits; of what is older it says nothing. */
const tail = { messages: 50, bytes: 150_000 } as const;

/** Log sequence from which on a snapshot of the conversation must say how turns ended. */
function toldFrom({ logs }: Walk, { messages = [] }: SnapshotFrame): number {
  const isWhole = messages.length < tail.messages && JSON.stringify(messages).length < tail.bytes;
  const first = messages[0]?.turn_id;
  return isWhole || first === undefined ? 0 : (logs.get(first)?.terminal?.seq ?? Number.POSITIVE_INFINITY);
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

function checkAfterEnd(walk: Walk, frame: StateFrame): void {
  if (walk.expected.logLost || frame.turn_id === undefined || !walk.ends.has(frame.turn_id)) return;
  // What the device already has is no news: it is not shown again.
  if (frame.seq <= walk.view.seq || frame.type === "tool_call_progress") return;
  const hasCancelled = walk.view.turns.get(frame.turn_id)?.status === "cancelled";
  walk.report(hasCancelled ? "P6" : "P1", `${frame.type} ${frame.seq} came after the end of its turn`, frame.turn_id);
}

/** What a snapshot of the conversation says about turns that have ended. */
function note({ told }: Walk, { messages = [] }: SnapshotFrame): void {
  for (const { turn_id, author, message, status } of messages) {
    if (author.role === "assistant") told.set(turn_id, { text: message, status });
  }
}

/** What the device has of this turn is what the log says at this place. */
function checkState({ view, logs, offset, spoilt, report }: Walk, { turn_id, seq, type }: StateFrame): void {
  if (offset === undefined || turn_id === undefined || seq < view.seq || spoilt.has(turn_id)) return;
  const fault = stateFault(view.turns.get(turn_id), logs.get(turn_id)?.asOf(seq - offset));
  if (fault === undefined) return;
  spoilt.add(turn_id);
  report("P2", `after ${type} ${seq - offset} ${fault}`, turn_id);
}

function stateFault(turn: TurnView | undefined, stored: TurnState | undefined): string | undefined {
  if (turn === undefined || stored === undefined) return "it is of no turn that is known";
  if (turn.text !== stored.text) return `it has ${turn.text.length} characters, stored are ${stored.text.length}`;
  return isDeepStrictEqual([...turn.tool_calls.values()], stored.calls)
    ? undefined
    : "its tool calls are not those that are stored";
}

/** Every turn's end was seen, once, and with what is stored; also by whoever was told `accepted` when it was over already. */
function checkEndsSeen(walk: Walk, device: string, { records, answers }: ConversationHistory): void {
  const { ends, told, view, expected, spoilt, report } = walk;
  const asked = new Set(
    answers.flatMap((given) =>
      given.device === device && given.answer.kind === "accepted" ? [given.answer.turn] : [],
    ),
  );
  for (const { turn_id, author, message, status } of records) {
    if (author.role !== "assistant" || (isBeforeWalk(walk, turn_id) && !asked.has(turn_id))) continue;
    const count = ends.get(turn_id) ?? 0;
    if (count > 1 && !expected.logLost) report("P1", `it was told ${count} times how the turn ended`, turn_id);
    const seen = told.get(turn_id) ?? seenIn(view, turn_id);
    if (seen === undefined) report("P1", "it was never told how the turn ended", turn_id);
    else if (!spoilt.has(turn_id)) checkSame(report, turn_id, seen, { text: message, status });
  }
}

/** The turn had ended before this viewer began to watch. */
function isBeforeWalk({ logs, expected, knowsFrom }: Walk, turn: string): boolean {
  const terminal = logs.get(turn)?.terminal;
  return terminal === undefined ? !expected.logLost : terminal.seq < (knowsFrom ?? 0);
}

interface EndState {
  readonly text: string;
  readonly status: string;
}

function checkSame(report: Walk["report"], turn: string, seen: EndState, stored: EndState): void {
  if (seen.text === stored.text && seen.status === stored.status) return;
  const has = `it has ${seen.text.length} characters (${seen.status})`;
  report("P2", `${has}, stored are ${stored.text.length} (${stored.status})`, turn);
}

function seenIn(view: ConversationView, turnId: string): { text: string; status: string } | undefined {
  const turn = view.turns.get(turnId);
  return turn?.outcome === undefined ? undefined : { text: turn.text, status: turn.outcome.type };
}
