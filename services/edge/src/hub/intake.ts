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

export type Intake = ReturnType<typeof createIntake>;

/**
 * Checks that the messages of a conversation are all of them. The broker names with each message the one before it on the same subject, so every
 * hole on a subject that goes on is seen. Messages of different subjects may overtake each other: that one is missing shows only when it comes.
 */
export function createIntake() {
  const tracks = new Map<string, SubjectTrack>();
  /** It began after this sequence. */
  let since = 0;
  /** Subjects without a track had nothing above this. */
  let forgotten = 0;
  let last = 0;
  /** Nothing up to here is missing, not even what might still come late. */
  let sure = 0;
  /** `last` when it aged last. */
  let aged = 0;
  /** Nearly always the one that is looked for: a turn that writes its text. */
  let recent: SubjectTrack | undefined;

  const trackOf = (subject: string): SubjectTrack | undefined =>
    recent?.subject === subject ? recent : tracks.get(subject);

  const wasTaken = ({ subject, seq }: StoredMessage): boolean => seq <= (trackOf(subject)?.last ?? since);

  const track = (subject: string, seq: number): TurnId => {
    let found = trackOf(subject);
    if (found === undefined) {
      found = { subject, turn: parseEventSubject(subject)?.turn ?? "", last: seq };
      tracks.set(subject, found);
    }
    found.last = seq;
    recent = found;
    return found.turn;
  };

  return {
    /** Sequence of the last message taken; nothing of the conversation that is known is above it. */
    get last() {
      return last;
    },

    /** Sequence up to which everything of the conversation has been taken for certain. */
    get sure() {
      return sure;
    },

    /** Begins anew after this sequence. */
    reset(seq: number): void {
      tracks.clear();
      recent = undefined;
      since = forgotten = last = sure = aged = seq;
    },

    /** Whether a message that was read again was taken before. */
    wasTaken,

    judge(message: StoredMessage): Verdict {
      const { subject, seq, previous } = message;
      if (seq <= last && wasTaken(message)) return "old";
      const known = trackOf(subject);
      const isWhole = known === undefined ? previous <= forgotten : previous === known.last;
      if (!isWhole) return "hole";
      return seq > last ? "next" : "late";
    },

    /** From where to read when this message shows a hole: everything of its subject up to there has been taken. */
    wholeUpTo: ({ subject }: StoredMessage): number => Math.min(last, tracks.get(subject)?.last ?? since),

    /** Takes the message; returns its turn. */
    take({ subject, seq }: StoredMessage): TurnId {
      last = seq;
      return track(subject, seq);
    },

    /** Takes one that comes after later ones; returns its turn. */
    takeLate: ({ subject, seq }: StoredMessage): TurnId => track(subject, seq),

    /** Everything up to this sequence was read from the stream and taken. */
    confirm(seq: number): void {
      last = Math.max(last, seq);
      sure = Math.max(sure, seq);
    },

    /** Called when the connection has delivered ever since the last time, which is longer ago than a copy is ever late. */
    age(): void {
      sure = Math.max(sure, aged);
      aged = last;
    },

    /** Forgets subjects that ended at or below this sequence, the oldest first, when there are many. `all`: in any case. */
    forget(seq: number, { all = false } = {}): void {
      if (!all && tracks.size <= keptSubjects) return;
      const ended = [...tracks.values()]
        .filter((one) => one.last <= seq)
        .toSorted((one, other) => one.last - other.last);
      for (const one of all ? ended : ended.slice(0, Math.ceil(ended.length / 2))) {
        tracks.delete(one.subject);
        forgotten = Math.max(forgotten, one.last);
      }
      recent = undefined;
    },
  };
}
