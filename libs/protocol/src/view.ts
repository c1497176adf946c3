import { isTerminal } from "./event-kinds.ts";
import type { Author } from "./author.ts";
import type { MessageEvent, Outcome } from "./events.ts";
import type { ConversationId, TurnId } from "./ids.ts";
import { outcomeOf, partsOfMessage, storedParts } from "./outcome.ts";
import { callPart, foldParts, noParts, pendingCallsOf, withStored, type Parts } from "./parts-fold.ts";
import type { Handover } from "./handover.ts";
import type { ReadEvent } from "./read-event.ts";
import { messageOfPost, postOutcome, type PostPlace } from "./post-fold.ts";
import type { PostEvent } from "./post.ts";
import { filesOf } from "./file-parts.ts";
import { foldRoomFrame, isRoomFrame, noRoom, roomOfSnapshot, type RoomView } from "./room-fold.ts";
import type { ConversationEventFrame, EventFrame, SnapshotFrame, WaitingFrame } from "./server-frames.ts";
import type { TranscriptMessage } from "./transcript-message.ts";
import type { WaitingTurn } from "./waiting-turn.ts";

/**
 * What a viewer of a conversation has: the fold of its frames. The edge (snapshots), the clients, the pages and the checkers share it. A view never
 * changes: each frame makes a new one, in which all that the frame says nothing of is the same object as before.
 */

export interface TurnView {
  readonly turn_id: TurnId;
  readonly attempt: number;
  /** The answer so far, in the order in which it came. */
  readonly parts: Parts;
  readonly status: "queued" | "running" | "waiting" | Outcome["type"];
  /** Who answers, where the room has a name for it. */
  readonly author: Author | undefined;
  /** The user's message, once seen. */
  readonly message: MessageEvent | undefined;
  /** How it ended, once it has. */
  readonly outcome: Outcome | undefined;
  /** It is a message between people: it has ended, and no answer comes. Absent: it is a turn. */
  readonly post?: PostPlace;
}

export interface ConversationView extends RoomView {
  readonly conversation_id: ConversationId;
  /** Cursor: sequence of the last frame folded; 0: none. */
  readonly seq: number;
  /** Undefined: none has been seen. */
  readonly title: string | undefined;
  /** Whether a person answers in place of the agent; undefined: nobody was asked for, as far as is known. */
  readonly handover: Handover | undefined;
  /** What waits, as the server said it last: also turns that have no event here. */
  readonly waiting: readonly WaitingTurn[];
  /** In the order in which they were first seen. */
  readonly turns: readonly TurnView[];
  /** The transcript as of the last snapshot that carried one. */
  readonly transcript: readonly TranscriptMessage[];
  /** The last turn that was known when that snapshot came: what it does not have of the turns up to this one is older. */
  readonly transcriptAfter: TurnId | undefined;
}

/** Nothing but places for turns whose ends somebody waits for: a transcript tells the end of the turns that a view has. */
export function createView(conversationId: ConversationId, turnIds: readonly TurnId[] = []): ConversationView {
  const turns = turnIds.map(createTurnView);
  return {
    conversation_id: conversationId,
    seq: 0,
    title: undefined,
    ...noRoom,
    handover: undefined,
    waiting: [],
    turns,
    transcript: [],
    transcriptAfter: undefined,
  };
}

export function createTurnView(turnId: TurnId): TurnView {
  const nothing = { author: undefined, message: undefined, outcome: undefined };
  return { turn_id: turnId, attempt: 1, parts: noParts, status: "queued", ...nothing };
}

/** What shows that a worker has the turn. */
const underWay: ReadonlySet<string> = new Set<ReadEvent["type"]>([
  "claimed",
  "thinking",
  "progress",
  "reasoning",
  "token",
  "tool_call_start",
  "turn_restarted",
]);

/** After these, too, a turn that waited goes on, or is about to. */
const goesOn: ReadonlySet<string> = new Set<ReadEvent["type"]>([
  "tool_call_progress",
  "tool_call_end",
  "approval_decided",
]);

/**
 * The turn after one of its stored events, which are given in their order; the same object if it changes nothing. Hidden events change nothing but
 * the status and attempt, those that only a newer version knows at most the attempt.
 */
export function foldEvent(turn: TurnView, event: ReadEvent): TurnView {
  if (event.type === "message") return { ...turn, message: event };
  if (turn.outcome !== undefined && isAboutWait(event)) return turn;
  const parts = foldParts(turn.parts, event);
  const attempt = "attempt" in event ? event.attempt : turn.attempt;
  if (isEnd(event)) return { ...turn, attempt, parts, status: event.type, outcome: event };
  const status = statusAfter(turn.status, event.type, parts);
  const author = event.type === "progress" ? authorAfter(turn, event) : turn.author;
  if (parts === turn.parts && attempt === turn.attempt && status === turn.status && author === turn.author) return turn;
  // Written out: for each token it is made anew, and a spread costs ten times as much.
  const { turn_id, message, outcome } = turn;
  return { turn_id, attempt, parts, status, author, message, outcome };
}

function authorAfter({ author }: TurnView, { name }: Extract<ReadEvent, { type: "progress" }>): Author | undefined {
  return name === undefined || name === author?.name ? author : { role: "assistant", name };
}

/** Of a turn that has ended these say nothing any more: who decided was not quicker than who stopped it. */
function isAboutWait({ type }: ReadEvent): boolean {
  return type === "approval_required" || type === "approval_decided" || type === "waiting";
}

function statusAfter(status: TurnView["status"], type: ReadEvent["type"], parts: Parts): TurnView["status"] {
  // One of several was decided.
  if (type === "approval_decided" && status === "waiting" && pendingCallsOf(parts).length > 0) return status;
  if (type === "waiting") return status === "queued" || status === "running" ? "waiting" : status;
  const isOn = underWay.has(type) || (status === "waiting" && goesOn.has(type));
  return isOn && (status === "queued" || status === "waiting") ? "running" : status;
}

function isEnd(event: ReadEvent): event is Extract<ReadEvent, { type: Outcome["type"] }> {
  return isTerminal(event.type);
}

/** The view after one frame of its conversation; the same object if it has that frame already (`seq` not above the cursor). */
export function foldFrame(
  view: ConversationView,
  frame: EventFrame | ConversationEventFrame | SnapshotFrame,
): ConversationView {
  if (frame.seq <= view.seq) return view;
  const { seq } = frame;
  if (frame.type === "snapshot") return foldSnapshot({ ...view, seq, title: frame.title ?? view.title }, frame);
  if (frame.type === "title") return { ...view, seq, title: frame.title };
  if (frame.type === "handover") return { ...view, seq, handover: frame };
  if (isRoomFrame(frame)) return { ...view, seq, ...foldRoomFrame(view, frame) };
  if (frame.type === "post")
    return { ...view, seq, turns: withTurn(view.turns, frame.turn_id, (turn) => foldPost(turn, frame)) };
  const { conversation_id, title, handover, waiting, transcriptAfter } = view;
  const turns = withTurn(view.turns, frame.turn_id, (turn) => foldEvent(turn, frame));
  const transcript = frame.type === "message" ? withChanged(view.transcript, frame) : view.transcript;
  const { room, changes, reads, typing, presence } = view;
  const people = { room, changes, reads, typing, presence };
  return { conversation_id, seq, title, handover, waiting, turns, transcript, transcriptAfter, ...people };
}

/** It may come again: in a snapshot, and then as the event above that. */
function foldPost(turn: TurnView, post: PostEvent): TurnView {
  if (turn.post !== undefined && turn.message !== undefined) return turn;
  const { n, after, turn_id } = post;
  return {
    ...turn,
    message: messageOfPost(post),
    status: "complete",
    outcome: postOutcome(turn_id),
    post: { n, after },
  };
}

/** The view after the server has said what waits; that is no event, and moves no cursor. */
export function foldQueue(view: ConversationView, { turns: waiting }: Pick<WaitingFrame, "turns">): ConversationView {
  return view.waiting.length === 0 && waiting.length === 0 ? view : { ...view, waiting };
}

/** A snapshot may have brought the message as it was before its author changed it. */
function withChanged(transcript: readonly TranscriptMessage[], event: MessageEvent): readonly TranscriptMessage[] {
  const { changed, message_id, message } = event;
  if (changed === undefined) return transcript;
  const at = transcript.findLastIndex((stored) => stored.message_id === message_id);
  const stored = transcript[at];
  return stored === undefined
    ? transcript
    : transcript.with(at, {
        ...stored,
        message,
        parts: partsOfMessage({ message, files: filesOf(stored.parts ?? []) }),
      });
}

/** What happens, happens to the last turn: it is looked for from the end. A turn that nothing has happened to is not added. */
function withTurn(
  turns: readonly TurnView[],
  turnId: TurnId | undefined,
  change: (turn: TurnView) => TurnView,
): readonly TurnView[] {
  if (turnId === undefined) return turns;
  const at = turns.findLastIndex(({ turn_id }) => turn_id === turnId);
  const before = turns[at] ?? createTurnView(turnId);
  const turn = change(before);
  if (turn === before) return turns;
  return at < 0 ? [...turns, turn] : turns.with(at, turn);
}

function foldSnapshot(view: ConversationView, frame: SnapshotFrame): ConversationView {
  const { messages: transcript, turn_id } = frame;
  const known = transcript === undefined ? view.turns : reachedBy(view.turns, transcript);
  const turns = withTurn(known, turn_id, (turn) => replacedBy(turn, frame));
  if (transcript === undefined) return { ...view, turns };
  const { queue: waiting = [], handover } = frame;
  const people = roomOfSnapshot(view, frame);
  return { ...view, ...people, handover, waiting, turns, transcript, transcriptAfter: known.at(-1)?.turn_id };
}

/**
 * The turns that a viewer still knows. A transcript that reaches none of them is of a viewer who was away for long: more may lie between than the transcript
 * has, so what has ended before it is no more shown than the rest of what is older.
 */
function reachedBy(turns: readonly TurnView[], transcript: readonly TranscriptMessage[]): readonly TurnView[] {
  const told = turns.map((turn) => endedBy(turn, transcript));
  const reached = new Set(transcript.map(({ turn_id }) => turn_id));
  const isReached = reached.size === 0 || told.some(({ turn_id }) => reached.has(turn_id));
  return isReached ? told : told.filter(({ outcome }) => outcome === undefined);
}

function replacedBy(turn: TurnView, frame: SnapshotFrame): TurnView {
  const { attempt = turn.attempt, author = turn.author } = frame;
  return { ...turn, attempt, author, parts: snapshotParts(frame), status: statusIn(turn, frame) };
}

/** An edge of an older version does not say in which order they came. */
function snapshotParts({ parts, text = "", tool_calls = [] }: SnapshotFrame): Parts {
  if (parts !== undefined) return parts;
  return [...(text === "" ? [] : [{ type: "text", text } as const]), ...tool_calls.map(callPart)];
}

/** Of a state that only a newer version knows, this much is sure: the turn has not ended. */
function statusIn(turn: TurnView, { status }: SnapshotFrame): TurnView["status"] {
  if (status === "idle" || turn.outcome !== undefined) return turn.status;
  return status === "queued" || status === "waiting" ? status : "running";
}

/**
 * The transcript also says how turns ended whose terminal event the viewer can no longer get: without this a viewer that was away for
 * longer than events are kept would show such a turn as running for ever.
 */
function endedBy(turn: TurnView, transcript: readonly TranscriptMessage[]): TurnView {
  const isLast = ({ turn_id, author, post }: TranscriptMessage): boolean =>
    turn_id === turn.turn_id && (author.role === "assistant" || post !== undefined);
  const answer = transcript.findLast(isLast);
  if (answer === undefined) return turn;
  if (answer.post !== undefined) return endedPost(turn, answer.post, answer.after);
  const outcome = turn.outcome ?? outcomeOf(answer);
  const parts = answer.parts ?? knownParts(turn, answer);
  if (parts === turn.parts && outcome === turn.outcome) return turn;
  return { ...turn, parts, outcome, status: outcome.type };
}

function endedPost(turn: TurnView, n: number, after: TurnId | null = null): TurnView {
  if (turn.post !== undefined) return turn;
  return { ...turn, status: "complete", outcome: postOutcome(turn.turn_id), post: { n, after } };
}

/**
 * Of an answer without parts. Where it has calls, nobody knows at which place of its text they stood, but for a viewer that has followed the turn: what its
 * parts say alike stays where it is. Without calls there is one order only.
 */
function knownParts({ parts }: TurnView, answer: TranscriptMessage): Parts {
  const { message, tool_calls: calls = [] } = answer;
  if (parts.length > 0 && calls.length > 0) return withStored(parts, message, calls);
  const stored = storedParts(answer);
  return JSON.stringify(parts) === JSON.stringify(stored) ? parts : stored;
}
