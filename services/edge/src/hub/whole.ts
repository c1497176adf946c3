import type { VisibleEvent } from "@parley/dialects";
import {
  changedMessage,
  isTerminal,
  type Changes,
  type FeedbackEntry,
  type Handover,
  type SnapshotFrame,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";
import type { Hub } from "./hub.ts";
import { createFeedbackFrames, type FeedbackFrames } from "./own-feedback.ts";
import { createRoomFrames, roomAsOf, shownRoom, type Peopled, type RoomFrames } from "./shown-room.ts";
import type { Known, OpenTurns } from "./ring.ts";
import { changesOf, conversationSnapshot } from "./snapshot.ts";
import { changesIn, handoverIn, hasBeginning, postIn, titleIn } from "./visible-event.ts";

/** What was read of a conversation. */
export interface Whole {
  /**
   * As of which sequence a viewer gets it that is to be told each end from `fromSeq` on by itself: the newest up to which nothing can be missing, but
   * below the next end. (Before each end its `ending` is stored, so there is room.) Undefined: for this one more must be read.
   */
  readonly seqFor: (fromSeq: number) => number | undefined;
  /** Whether the ends of these turns were read. */
  readonly has: (owed: ReadonlySet<TurnId> | undefined) => boolean;
  /**
   * All of it as of a sequence up to which nothing can be missing; made once for all viewers, but for those that are to be told of older turns as well.
   */
  readonly frameAt: (seq: number, owed?: ReadonlySet<TurnId>) => SnapshotFrame | undefined;
  /** The same frame with what this user has said of its answers; made once for each user who has said something. */
  readonly withFeedback: FeedbackFrames;
  /** The same frame with as what this caller stands in the room. */
  readonly withStanding: RoomFrames;
  /** Whether the hub still has what is missing in what was read. */
  readonly isCurrent: () => boolean;
  /** See `WholeParts`. */
  readonly isErased: boolean;
}

/** Everything visible above the floor, and all turns that are open there or end later. */
export interface Past {
  readonly floor: number;
  readonly events: readonly VisibleEvent[];
  /** Up to here it has what the ring may let go of. */
  readonly top: number;
  /** Those of the turns whose beginning is no longer kept. */
  readonly settled: OpenTurns;
  /** How many had come late to the ring by then. */
  readonly lateEvents: number;
}

export interface WholeParts {
  /** Undefined: the ring has all that is needed. */
  readonly past: Past | undefined;
  /** What followed on the frames of who lacks the most is too much to be read. */
  readonly isTooMuch: boolean;
  /** The end of the transcript. */
  readonly records: readonly TranscriptMessage[];
  /** As it is kept; perhaps it was given after the sequence as of which the conversation is shown. */
  readonly title: string | undefined;
  /** The same of a person who answers in place of the agent. */
  readonly handover: Handover | undefined;
  /** The newest of what people wrote to each other, oldest first. */
  readonly posts: readonly TranscriptMessage[];
  /** No turn is older than those in `records`. */
  readonly isBeginning: boolean;
  /** It was deleted with its key, and is not removed yet. */
  readonly isErased: boolean;
  /** Who has a part in it; undefined: nobody but its owner. */
  readonly room: Peopled | undefined;
  /** What was said of answers, by whomever. */
  readonly feedback: readonly FeedbackEntry[];
  /** What became of these messages, and of those that the ring has, at least as of the end of the stream when it was read. */
  readonly changes: Changes;
  /** Older turns that were asked for, and their messages. */
  readonly owed: ReadonlySet<TurnId>;
  readonly owedRecords: readonly TranscriptMessage[];
  readonly isCurrent: () => boolean;
}

export function createWhole(hub: Hub, parts: WholeParts): Whole {
  const { past, isTooMuch, isCurrent } = parts;
  const { ring } = hub;
  const frames = new Map<number, SnapshotFrame | undefined>();
  const known = (): Known => {
    if (past === undefined) return ring;
    // What came late is in the ring alone.
    const events = [...past.events.filter(({ seq }) => seq <= ring.floor), ...ring.events];
    return { floor: past.floor, events, base: past.settled, rooted: true, quiet: undefined, title: undefined };
  };

  return {
    isCurrent,
    isErased: parts.isErased,

    has: (owed) => owed === undefined || [...owed].every((turn) => parts.owed.has(turn)),

    seqFor(fromSeq) {
      const newest = hub.feed.intake.sure;
      if (fromSeq <= 0) return newest;
      const all = known();
      if (fromSeq < all.floor) return isTooMuch ? newest : undefined;
      return Math.min(newest, belowNextEnd(all, fromSeq));
    },

    withFeedback: createFeedbackFrames(parts.feedback),
    withStanding: createRoomFrames(parts.room?.people),

    frameAt(seq, owed) {
      if (owed !== undefined) return withOlder(hub, known(), parts, { seq, owed });
      if (!frames.has(seq)) frames.set(seq, snapshotAt(hub, known(), parts, seq));
      return frames.get(seq);
    },
  };
}

/** Infinity: it need not be below one, or cannot be. */
function belowNextEnd({ events, base }: Known, fromSeq: number): number {
  const ends = events.filter(({ seq, type }) => seq > fromSeq && isTerminal(type));
  const [end] = ends;
  if (end === undefined || end.seq - 1 <= fromSeq) return Infinity;
  // What is known of these is not of below.
  if ([...base.values()].some(({ settled }) => (settled?.seq ?? 0) >= end.seq)) return Infinity;
  const begins = ({ type, turn }: VisibleEvent): boolean => type === "message" && hasBeginning(events, turn);
  const begun = new Set([...base.keys(), ...events.filter(begins).map(({ turn }) => turn)]);
  // Below their ends turns are shown as open ones, and those whose beginning is no longer kept cannot be.
  return ends.every(({ turn }) => begun.has(turn)) ? end.seq - 1 : Infinity;
}

/** Those of turns that had ended by then. The transcript may be ahead: it has turns whose end, or even whose beginning, is above that. */
function recordsAsOf(records: readonly TranscriptMessage[], { events }: Known, seq: number): TranscriptMessage[] {
  const later = new Set<TurnId>();
  for (const event of events) {
    if (event.seq > seq && (event.type === "message" || isTerminal(event.type))) later.add(event.turn);
  }
  return records.filter(({ turn_id }) => !later.has(turn_id));
}

function snapshotAt(
  { conversation, offset, queue }: Hub,
  known: Known,
  { records, title, handover, room, posts, isBeginning, changes }: WholeParts,
  seq: number,
): SnapshotFrame | undefined {
  const events = known.events.filter((event) => event.seq <= seq);
  const people = roomAsOf(room && shownRoom(room), known.events, seq);
  const told = { title: titleAsOf(title, known, seq), handover: handoverAsOf(handover, known, seq), room: people };
  return conversationSnapshot(
    { conversation, seq: offset + seq },
    { ...known, events, ...told, changes: newestChanges(changes, known) },
    recordsAsOf(records, known, seq),
    { waiting: queue.frame?.turns, posts: postsAsOf(posts, events), isBeginning },
  );
}

/** With those that were told after they were read. What is there already and is told later is known then: its number says so. */
function postsAsOf(kept: readonly TranscriptMessage[], events: readonly VisibleEvent[]): readonly TranscriptMessage[] {
  const last = kept.at(-1)?.post ?? 0;
  const told = events.flatMap((event) => postIn(event) ?? []).filter(({ post = 0 }) => post > last);
  return told.length === 0 ? kept : [...kept, ...told];
}

/** What was given later is told by its own event. */
function titleAsOf(kept: string | undefined, { events, title }: Known, seq: number): string | undefined {
  const titled = events.filter(({ type }) => type === "title");
  const last = titled.findLast((event) => event.seq <= seq);
  if (last !== undefined) return titleIn(last);
  return title ?? (titled.some((event) => titleIn(event) === kept) ? undefined : kept);
}

function handoverAsOf(kept: Handover | undefined, { events, handover }: Known, seq: number): Handover | undefined {
  const told = events.filter(({ type }) => type === "handover");
  const last = told.findLast((event) => event.seq <= seq);
  if (last !== undefined) return handoverIn(last);
  return handover ?? (told.some((event) => handoverIn(event)?.n === kept?.n) ? undefined : kept);
}

/** What was read, or was told since. It may be ahead of the sequence: its event then changes nothing. */
function newestChanges(read: Changes, { events }: Known): Changes {
  const told = events.flatMap((event) => changesIn(event) ?? []);
  if (told.length === 0) return read;
  const newest = new Map(read);
  for (const one of told) if (one.n > (newest.get(one.message_id)?.n ?? 0)) newest.set(one.message_id, one);
  return newest;
}

/** Before the last messages come those of the older turns that the viewer is owed. */
function withOlder(
  hub: Hub,
  known: Known,
  parts: WholeParts,
  { seq, owed }: { readonly seq: number; readonly owed: ReadonlySet<TurnId> },
): SnapshotFrame | undefined {
  const { records, owedRecords } = parts;
  const frame = snapshotAt(hub, known, parts, seq);
  if (frame === undefined) return undefined;
  const { messages = [] } = frame;
  const shown = new Set(messages.map(({ message_id }) => message_id));
  const older = recordsAsOf([...owedRecords, ...records], known, seq).filter(
    ({ turn_id, message_id }) => owed.has(turn_id) && turn_id !== frame.turn_id && !shown.has(message_id),
  );
  const changes = newestChanges(parts.changes, known);
  const olderNow = older.map((message) => changedMessage(message, changes.get(message.message_id)));
  const ofOlder = changesOf(older, changes);
  const told = ofOlder.length === 0 ? {} : { changes: [...ofOlder, ...(frame.changes ?? [])] };
  return { ...frame, messages: [...olderNow, ...messages], ...told };
}
