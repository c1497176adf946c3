import type { StoredMessage } from "@parley/bus";
import type { TurnId } from "@parley/protocol";
import { createGrounds, createTracks } from "./subject-tracks.ts";

/**
 * What a message is to what came before it:
 * `next`: take it; `old`: it was taken already; `late`: it was not, but something after it was; `hole`: one before it on its subject is missing;
 * `early`: it is of an answer, and the message that is answered, or the end of the answer before it, has not been taken.
 */
export type Verdict = "next" | "old" | "late" | "hole" | "early";

/** So many messages that the stream has not confirmed are worth a reading: else the next one would grow for as long as somebody looks on. */
const maxUnconfirmed = 2_048;

interface Taken {
  readonly tracks: ReturnType<typeof createTracks>;
  readonly grounds: ReturnType<typeof createGrounds>;
  readonly last: number;
}

function verdictOf(message: StoredMessage, { tracks, grounds, last }: Taken): Verdict {
  const { subject, seq, previous } = message;
  const track = tracks.of(subject);
  const isWhole = track === undefined ? previous <= tracks.forgotten : previous === track.last;
  if (!isWhole) return "hole";
  if (track === undefined && previous === 0 && grounds.areMissing(message)) return "early";
  return seq > last ? "next" : "late";
}

export type Intake = ReturnType<typeof createIntake>;

type Place = Pick<StoredMessage, "subject" | "seq">;

/**
 * Checks that the messages of a conversation are all of them. The broker names with each message the one before it on the same subject, so every
 * hole on a subject that goes on is seen. Messages of different subjects may overtake each other: that one is missing shows only when it comes.
 */
export function createIntake(underWay: () => readonly TurnId[] = () => []) {
  const tracks = createTracks((subject, seq) => grounds.began(subject, seq));
  const grounds = createGrounds(tracks, underWay);
  /** `since`: it began after this sequence. `sure`: nothing up to here is missing, not even what might still come late. */
  let [since, last, sure] = [0, 0, 0];
  /** Messages taken since it rose. */
  let unconfirmed = 0;

  const wasTaken = ({ subject, seq }: Place): boolean => seq <= (tracks.of(subject)?.last ?? since);

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

    grounds,

    /** Begins anew after this sequence. */
    reset(seq: number): void {
      tracks.reset(seq);
      grounds.clear();
      since = last = sure = seq;
      unconfirmed = 0;
    },

    /** All up to this sequence was deleted: what still comes of it counts as taken. */
    deletedUpTo(seq: number): void {
      since = Math.max(since, seq);
      last = Math.max(last, seq);
      sure = Math.max(sure, seq);
      tracks.deletedUpTo(seq);
      grounds.deletedUpTo(seq);
    },

    /** Whether a message that was read again was taken before. */
    wasTaken,

    judge: (message: StoredMessage): Verdict =>
      message.seq <= last && wasTaken(message) ? "old" : verdictOf(message, { tracks, grounds, last }),

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
