import type { StoredMessage } from "@parley/bus";
import {
  isTerminal,
  parseEventSubject,
  subjects,
  typeOfStored,
  type EventAddress,
  type TurnId,
} from "@parley/protocol";

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

/** The last message taken on each subject. */
export function createTracks(onNew: (subject: string, seq: number) => void = () => {}) {
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
        onNew(subject, seq);
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

/** More turns than wait in a queue; those beyond have ended unseen. */
const mostOpen = 64;

/** What an answer comes after: the message that is answered, and the end of the answer before it. */
export function createGrounds(
  tracks: { readonly forgotten: number; of(subject: string): { readonly last: number } | undefined },
  /** More turns whose answers have begun and, as far as is known, have not ended: from before anything came live. */
  underWay: () => readonly TurnId[],
) {
  /** Turns of which something came and no end, with the sequence of what came first. */
  const open = new Map<TurnId, number>();
  /** Of this turn nothing is missing of that: it is older than what is known, or is not stored. */
  let grounded: TurnId | undefined;

  /** Those that were accepted before it and, as far as is known, have not ended. */
  const openBefore = (turn: TurnId, userSeq = Infinity): TurnId[] => {
    const earlier = [...open].flatMap(([other, seq]) => (seq < userSeq ? other : []));
    return [...new Set([...earlier, ...underWay()])].filter((other) => other !== turn);
  };
  const openBeforeOf = ({ shard, conversation, turn }: EventAddress): TurnId[] =>
    openBefore(turn, tracks.of(subjects.user(shard, conversation, turn))?.last);

  return {
    clear(): void {
      grounded = undefined;
      open.clear();
    },

    /** What this turn says may be taken. */
    add: (turn: TurnId): void => void (grounded = turn),

    /** Something came of a subject for the first time. */
    began(subject: string, seq: number): void {
      const { turn, channel } = parseEventSubject(subject) ?? {};
      if (turn === undefined || (channel !== "user" && channel !== "a")) return;
      if (!open.has(turn)) open.set(turn, seq);
      for (const oldest of open.keys()) {
        if (open.size <= mostOpen) break;
        open.delete(oldest);
      }
    },

    ended: (turn: TurnId): void => void open.delete(turn),

    deletedUpTo(seq: number): void {
      for (const [turn, firstSeq] of open) if (firstSeq <= seq) open.delete(turn);
    },

    openBefore: openBeforeOf,

    /** Nothing at or below this sequence is missing of a subject of which nothing is remembered. */
    isForgotten: (seq: number): boolean => seq <= tracks.forgotten,

    /** Of the first event on a subject: whether it says something of an answer, and what that comes after has not come. */
    areMissing({ subject, data }: StoredMessage): boolean {
      const address = parseEventSubject(subject);
      if (address === undefined || address.turn === grounded) return false;
      const { shard, conversation, turn, channel } = address;
      if (channel === "user" || channel.startsWith("mark")) return false;
      if (tracks.of(subjects.user(shard, conversation, turn)) === undefined) return true;
      // A turn that is cancelled while it waits ends in the middle of another's answer.
      const begins = subject === subjects.agent(shard, conversation, turn) && !isTerminal(typeOfStored(data));
      return begins && openBeforeOf(address).length > 0;
    },
  };
}
