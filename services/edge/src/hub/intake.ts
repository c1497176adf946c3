import type { StoredMessage } from "@parley/bus";
import { parseEventSubject, type TurnId } from "@parley/protocol";

/**
 * What a message is to what came before it:
 * `next`: take it; `old`: it was taken already; `late`: it was not, but something after it was; `hole`: one before it on its subject is missing.
 */
export type Verdict = "next" | "old" | "late" | "hole";

interface SubjectTrack {
  readonly subject: string;
  readonly turn: TurnId;
  /** Sequence of the last message taken on this subject. */
  last: number;
}

/**
 * Subjects that are remembered before any is forgotten. What comes late on a subject that was forgotten cannot be told from what was taken, so
 * everybody begins anew: rare enough when it takes some hundred turns, or a minute of silence, to forget one.
 */
const keptSubjects = 512;

/** So many messages that the stream has not confirmed are worth a reading: else the next one would grow for as long as somebody looks on. */
const maxUnconfirmed = 2_048;

/** The last message taken on each subject. */
function createTracks() {
  const tracks = new Map<string, SubjectTrack>();
  /** Subjects without a track had nothing above this. */
  let forgotten = 0;
  /** Nearly always the one that is looked for: a turn that writes its text. */
  let recent: SubjectTrack | undefined;
  const of = (subject: string): SubjectTrack | undefined =>
    recent?.subject === subject ? recent : tracks.get(subject);

  return {
    of,

    get forgotten() {
      return forgotten;
    },

    reset(seq: number): void {
      tracks.clear();
      recent = undefined;
      forgotten = seq;
    },

    /** Forgets subjects of which nothing is above this sequence; nothing of theirs is missing up to there. */
    deletedUpTo(seq: number): void {
      for (const { subject, last } of tracks.values()) if (last <= seq) tracks.delete(subject);
      forgotten = Math.max(forgotten, seq);
      recent = undefined;
    },

    /** Returns the message's turn. */
    set({ subject, seq }: StoredMessage): TurnId {
      let track = of(subject);
      if (track === undefined) {
        track = { subject, turn: parseEventSubject(subject)?.turn ?? "", last: seq };
        tracks.set(subject, track);
      }
      track.last = seq;
      recent = track;
      return track.turn;
    },

    /** Forgets subjects that ended at or below this sequence: when there are many the older half of them, or `all`. */
    forget(seq: number, { all = false } = {}): void {
      if (!all && tracks.size <= keptSubjects) return;
      const ended = [...tracks.values()].filter(({ last }) => last <= seq).toSorted((a, b) => a.last - b.last);
      for (const { subject, last } of all ? ended : ended.slice(0, Math.ceil(ended.length / 2))) {
        tracks.delete(subject);
        forgotten = Math.max(forgotten, last);
      }
      recent = undefined;
    },
  };
}

export type Intake = ReturnType<typeof createIntake>;

/**
 * Checks that the messages of a conversation are all of them. The broker names with each message the one before it on the same subject, so every
 * hole on a subject that goes on is seen. Messages of different subjects may overtake each other: that one is missing shows only when it comes.
 */
export function createIntake() {
  const tracks = createTracks();
  /** `since`: it began after this sequence. `sure`: nothing up to here is missing, not even what might still come late. */
  let [since, last, sure] = [0, 0, 0];
  /** Messages taken since it rose. */
  let unconfirmed = 0;

  const wasTaken = ({ subject, seq }: StoredMessage): boolean => seq <= (tracks.of(subject)?.last ?? since);

  return {
    /** Sequence of the last message taken; nothing of the conversation that is known is above it. */
    get last() {
      return last;
    },

    /** Sequence up to which everything of the conversation has been taken for certain: only a reading says so, for a copy may be late by any time. */
    get sure() {
      return sure;
    },

    get isUnsure() {
      return unconfirmed > maxUnconfirmed;
    },

    /** Begins anew after this sequence. */
    reset(seq: number): void {
      tracks.reset(seq);
      since = last = sure = seq;
      unconfirmed = 0;
    },

    /** All up to this sequence was deleted: what still comes of it counts as taken. */
    deletedUpTo(seq: number): void {
      since = Math.max(since, seq);
      last = Math.max(last, seq);
      sure = Math.max(sure, seq);
      tracks.deletedUpTo(seq);
    },

    /** Whether a message that was read again was taken before. */
    wasTaken,

    judge(message: StoredMessage): Verdict {
      const { subject, seq, previous } = message;
      if (seq <= last && wasTaken(message)) return "old";
      const track = tracks.of(subject);
      const isWhole = track === undefined ? previous <= tracks.forgotten : previous === track.last;
      if (!isWhole) return "hole";
      return seq > last ? "next" : "late";
    },

    /** From where to read when this message shows a hole: everything of its subject up to there has been taken. */
    wholeUpTo: ({ subject }: StoredMessage): number => Math.min(last, tracks.of(subject)?.last ?? since),

    /** Takes the message; returns its turn. */
    take(message: StoredMessage): TurnId {
      last = message.seq;
      unconfirmed++;
      return tracks.set(message);
    },

    /** Takes one that comes after later ones; returns its turn. */
    takeLate: tracks.set,

    /** Everything up to this sequence was read from the stream and taken. */
    confirm(seq: number): void {
      last = Math.max(last, seq);
      sure = Math.max(sure, seq);
      unconfirmed = 0;
    },

    /** See `forget` of the tracks. What will be read again is remembered: else it would be taken for late. */
    forget: (seq: number, options?: { readonly all: boolean }): void => tracks.forget(Math.min(seq, sure), options),
  };
}
