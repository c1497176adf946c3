import { isDeepStrictEqual } from "node:util";
import { decodeVisible } from "@parley/dialects";
import {
  answerOf,
  changedMessage,
  createTurnView,
  isTerminal,
  jsonBytes,
  newestBranch,
  newestWithPosts,
  partsOfMessage,
  textOf,
  toolCallsOf,
  type Changes,
  type ConversationId,
  type MessageChanges,
  type MessageEvent,
  type Part,
  type Room,
  type SnapshotFrame,
  type ToolCallPart,
  type ToolCallState,
  type TranscriptMessage,
  type TurnId,
  type TurnPlace,
  type TurnView,
  type WaitingTurn,
} from "@parley/protocol";
import { deliveryLimits } from "../delivery/delivery-limits.ts";
import { foldOpen, type Known, type OpenTurn } from "./ring.ts";
import { withShortCalls } from "./short-calls.ts";

interface Place {
  readonly conversation: ConversationId;
  /** The wire's cursor: the snapshot contains everything up to it. */
  readonly seq: number;
}

/** One turn as of a cursor. */
export function turnSnapshot({ conversation, seq }: Place, turn: TurnView): SnapshotFrame {
  const parts = withShortCalls(turn.parts);
  return {
    type: "snapshot",
    conversation_id: conversation,
    seq,
    turn_id: turn.turn_id,
    attempt: turn.attempt,
    ...(turn.author === undefined ? {} : { author: turn.author }),
    text: textOf(turn),
    tool_calls: toolCallsOf(parts).map(stateOf),
    ...(fits(parts) ? { parts: [...parts] } : {}),
    status: turn.status === "queued" || turn.status === "waiting" ? turn.status : "running",
    ts: Date.now(),
  };
}

function stateOf({ type: _type, ...call }: ToolCallPart): ToolCallState {
  return call;
}

/** A frame with text and calls may not become twice as large by saying in which order they came. */
function fits(parts: readonly Part[]): boolean {
  return jsonBytes(parts) <= deliveryLimits.snapshotPartsBytes;
}

/** What is no record of a turn. */
interface Beside {
  readonly waiting?: readonly WaitingTurn[] | undefined;
  /** The newest of what people wrote to each other, oldest first. */
  readonly posts?: readonly TranscriptMessage[];
  /** No turn is older than those of the records. */
  readonly isBeginning?: boolean;
}

/**
 * The whole conversation in one frame: the transcript's tail, messages that are not in it yet, and the turn that runs. One frame, so that
 * a viewer that is cut off has all of it or nothing. Undefined: there is nothing to show. `known` must be rooted; `records` must have been
 * read after it was. Messages are shown as they stand now (`changes`).
 */
export function conversationSnapshot(
  place: Place,
  { changes = noChanges, ...known }: Known & { readonly room?: Room | undefined; readonly changes?: Changes },
  records: readonly TranscriptMessage[],
  { waiting = [], posts = [], isBeginning = true }: Beside = {},
): SnapshotFrame | undefined {
  const turns = turnsOf(known);
  const stored = new Set(records.map(({ message_id }) => message_id));
  const open = turns.filter(({ outcome }) => outcome === undefined);
  const openIds = new Set(open.map(({ turn_id }) => turn_id));
  const all = [
    ...records.filter(({ turn_id }) => !openIds.has(turn_id)),
    ...notYetStored(turns, stored),
    ...open.flatMap(messagesOf),
  ];
  // Whoever knows nothing of branches sees one as a plain conversation; what has not ended is told to all.
  const branch = newestBranch(all, placesIn(all), withSiblings, openIds);
  const withAll = withPosts(branch, posts, isBeginning);
  const messages = asTheyStand(withAll, changes);
  // Not always the first: when the event stream was lost, the messages of waiting turns may be written again before the one that runs.
  const running = open.find(({ status }) => status !== "queued") ?? open[0];
  if (messages.length === 0 && running === undefined && known.room === undefined) return undefined;
  const about = aboutOf(known, waiting);
  if (running !== undefined) {
    const frame = { ...turnSnapshot(place, running), ...about };
    // What its parts take, the transcript's tail gives.
    return { ...frame, ...tailWithin(deliveryLimits.snapshotBytes - jsonBytes(frame.parts ?? []), messages, changes) };
  }
  const { conversation: conversation_id, seq } = place;
  const tail = tailWithin(deliveryLimits.snapshotBytes, messages, changes);
  return { type: "snapshot", conversation_id, seq, ...about, ...tail, status: "idle", ts: Date.now() };
}

function asTheyStand(messages: readonly TranscriptMessage[], changes: Changes): readonly TranscriptMessage[] {
  if (changes.size === 0) return messages;
  return messages.map((message) => changedMessage(message, changes.get(message.message_id)));
}

function withPosts(
  branch: readonly TranscriptMessage[],
  posts: readonly TranscriptMessage[],
  isBeginning: boolean,
): readonly TranscriptMessage[] {
  if (posts.length === 0) return branch;
  return newestWithPosts(branch, posts, { limit: deliveryLimits.snapshotMessages, isBeginning }).messages;
}

/** What it says beside what was said. */
function aboutOf(
  { title, handover, room }: Known & { readonly room?: Room | undefined },
  waiting: readonly WaitingTurn[],
): Pick<SnapshotFrame, "title" | "handover" | "room" | "queue"> {
  return {
    ...(title === undefined ? {} : { title }),
    ...(handover === undefined ? {} : { handover }),
    ...(room === undefined ? {} : { room }),
    ...(waiting.length === 0 ? {} : { queue: [...waiting] }),
  };
}

/** Turns as of now: ended ones in the order in which they ended, with their outcome; open ones in the order in which they began. */
function turnsOf({ base, events }: Known): TurnView[] {
  const turns = new Map<TurnId, OpenTurn>([...base].toSorted(([, a], [, b]) => a.startSeq - b.startSeq));
  for (const event of events) {
    const { turn, type, seq } = event;
    // Without its beginning only a turn's end tells all of it.
    if ((type === "message" || isTerminal(type)) && !turns.has(turn))
      turns.set(turn, { startSeq: seq, view: createTurnView(turn) });
    const open = turns.get(turn);
    if (open === undefined) continue;
    if (isTerminal(type)) turns.delete(turn);
    turns.set(turn, foldOpen(open, decodeVisible(event)));
  }
  return [...turns.values()].map(({ view }) => view);
}

/** Turns that may end while the transcript is read. Far fewer than the part of it that is read has, so each of them is in there or new. */
const newlyEnded = deliveryLimits.snapshotMessages / 4;

/** The messages of the turns that ended last which a transcript read a moment too early does not have; perhaps only the answer. */
function notYetStored(turns: readonly TurnView[], stored: ReadonlySet<string>): TranscriptMessage[] {
  const ended = turns.filter(({ outcome }) => outcome !== undefined).slice(-newlyEnded);
  return ended.flatMap(messagesOf).filter(({ message_id }) => !stored.has(message_id));
}

/** The messages of a turn, as the transcript will have them: the user's and, once it has ended, the answer. */
function messagesOf({ turn_id, message, outcome, parts }: TurnView): TranscriptMessage[] {
  const messages: TranscriptMessage[] = [];
  if (message !== undefined) {
    const { message_id, author, ts, parent, supersedes } = message;
    const place = { ...(parent === undefined ? {} : { parent }), ...(supersedes === undefined ? {} : { supersedes }) };
    const said = { ...place, ...fieldsOfAddress(message) };
    messages.push({ message_id, turn_id, author, message: message.message, status: "complete", ts, ...said });
  }
  if (outcome === undefined) return messages;
  const answer = answerOf(turn_id, outcome, message?.ts ?? Date.now());
  // Without its beginning nobody knows in which order the rest came.
  messages.push(message === undefined || parts.length === 0 ? answer : { ...answer, parts: [...parts] });
  return messages;
}

function fieldsOfAddress({ reply_to, mentions }: MessageEvent): Pick<TranscriptMessage, "reply_to" | "mentions"> {
  return { ...(reply_to === undefined ? {} : { reply_to }), ...(mentions === undefined ? {} : { mentions }) };
}

/** What a turn says of its place is with its first message, the question. */
function placesIn(all: readonly TranscriptMessage[]): TurnPlace[] {
  const turns = new Map<TurnId, TurnPlace>();
  for (const message of all) if (!turns.has(message.turn_id)) turns.set(message.turn_id, message);
  return [...turns.values()];
}

function withSiblings(message: TranscriptMessage, siblings: readonly TurnId[]): TranscriptMessage {
  return siblings.length < 2 || message.author.role === "assistant" ? message : { ...message, siblings: [...siblings] };
}

/**
 * As many messages as there is room for. Where not all of them fit, parts that say nothing which the message does not say without them go first: with
 * them a text is there twice.
 */
function tailWithin(
  maxBytes: number,
  messages: readonly TranscriptMessage[],
  changes: Changes,
): Pick<SnapshotFrame, "messages" | "changes"> {
  const whole = newestWithin(maxBytes, messages, changes);
  const isCut = whole.length < Math.min(messages.length, deliveryLimits.snapshotMessages);
  const plain = (): TranscriptMessage[] => messages.slice(-deliveryLimits.snapshotMessages).map(withoutPlainParts);
  const tail = isCut ? newestWithin(maxBytes, plain(), changes) : whole;
  const ofThese = changesOf(tail, changes);
  return { messages: tail, ...(ofThese.length === 0 ? {} : { changes: ofThese }) };
}

const noChanges: Changes = new Map();

/** What became of these messages. */
export function changesOf(messages: readonly TranscriptMessage[], changes: Changes): MessageChanges[] {
  return changes.size === 0 ? [] : messages.flatMap(({ message_id }) => changes.get(message_id) ?? []);
}

/** Whoever reads it makes the same parts of it. Not so where it has calls: those may have stood anywhere in its text. */
function withoutPlainParts(message: TranscriptMessage): TranscriptMessage {
  const { parts, ...plain } = message;
  const hasCalls = (plain.tool_calls ?? []).length > 0;
  if (parts === undefined || hasCalls || !isDeepStrictEqual(parts, partsOfMessage(plain))) return message;
  return plain;
}

/** The newest ones that fit together, at least one. */
function newestWithin(maxBytes: number, messages: readonly TranscriptMessage[], changes: Changes): TranscriptMessage[] {
  let first = messages.length;
  let size = 0;
  while (first > 0) {
    const message = messages[first - 1];
    size += jsonBytes(message ?? {}) + jsonBytes(changes.get(message?.message_id ?? "") ?? {});
    if (size > maxBytes && first < messages.length) break;
    first--;
  }
  return messages.slice(Math.max(first, messages.length - deliveryLimits.snapshotMessages));
}
