import type { StoredMessage } from "@parley/bus";
import { parseEventSubject, type TurnId } from "@parley/protocol";

/**
 * What a live message is to what came before it:
 * `next`: take it; `old`: it was taken already; `late`: it was not, but something after it was; `hole`: something before it is missing.
 */
export type Verdict = "next" | "old" | "late" | "hole";

interface SubjectTrack {
  readonly subject: string;
  readonly turn: TurnId;
  /** Sequence of the last message taken on this subject. */
  last: number;
}

export type Intake = ReturnType<typeof createIntake>;

/**
 * Checks that the live messages of a conversation are all of them. The broker names with each message the one before it on the same
 * subject, so every hole on a subject that goes on is seen.
 */
export function createIntake() {
  const tracks = new Map<string, SubjectTrack>();
  /** Everything above this has been taken. */
  let since = 0;
  let last = 0;
  /** Nearly always the one that is looked for: a turn that writes its text. */
  let recent: SubjectTrack | undefined;

  const trackOf = (subject: string): SubjectTrack | undefined =>
    recent?.subject === subject ? recent : tracks.get(subject);
  const wasMissed = ({ subject, seq }: StoredMessage): boolean =>
    seq <= last && seq > (trackOf(subject)?.last ?? since);

  return {
    /** Sequence up to which everything of the conversation has been taken. */
    get last() {
      return last;
    },

    /** Begins anew after this sequence. */
    reset(seq: number): void {
      tracks.clear();
      recent = undefined;
      since = seq;
      last = seq;
    },

    judge(message: StoredMessage): Verdict {
      const { subject, seq, previous } = message;
      if (seq <= last) return wasMissed(message) ? "late" : "old";
      const track = trackOf(subject);
      const isWhole = track === undefined ? previous <= since : previous === track.last;
      return isWhole ? "next" : "hole";
    },

    /** Whether a message that was read again is one that should have come before `last`. */
    wasMissed,

    /** From where to read when this message shows a hole: everything up to there has been taken. */
    wholeUpTo: ({ subject }: StoredMessage): number => Math.min(last, tracks.get(subject)?.last ?? since),

    /** Takes the message; returns its turn. */
    take({ subject, seq }: StoredMessage): TurnId {
      let track = trackOf(subject);
      if (track === undefined) {
        track = { subject, turn: parseEventSubject(subject)?.turn ?? "", last: seq };
        tracks.set(subject, track);
      }
      track.last = seq;
      recent = track;
      last = seq;
      return track.turn;
    },

    /** Nothing of the conversation is between the last message and this sequence. */
    advance(seq: number): void {
      last = Math.max(last, seq);
    },

    /** Forgets subjects that ended at or below this sequence: their turns are over. */
    forget(seq: number): void {
      for (const [subject, track] of tracks) if (track.last <= seq) tracks.delete(subject);
      recent = undefined;
      since = Math.max(since, seq);
    },
  };
}
