/**
 * The cursor on the wire is one integer: the sequence in the event stream, moved up by an offset that depends on when the stream was made.
 * So numbers keep rising when a stream is made anew (its own sequences start at 1 again), and a cursor of the stream before is below
 * every new number, where it is recognised as too old.
 */

const epochMs = Date.UTC(2025, 0, 1);

/**
 * Room for this many events per millisecond of a stream's life before its numbers could reach those of its successor; a broker stores
 * fewer than that. All offsets stay exact integers until the year 4800.
 */
const numbersPerMs = 100;

/** Stands for "this viewer has nothing that can be continued": it gets a snapshot. */
export const noCursor = -1;

/** What a stream's sequences are moved up by. `createdMs`: when it was made, ms since 1970. */
export function generationOffset(createdMs: number): number {
  return Math.max(0, Math.floor(createdMs - epochMs)) * numbersPerMs;
}

export interface CursorRange {
  readonly offset: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * The stream sequence a wire cursor stands for. `noCursor` when it cannot be continued: absent, of an earlier stream, older than the
 * oldest event that is kept, or beyond the newest one.
 */
export function streamSeqOf(cursor: number | undefined, { offset, firstSeq, lastSeq }: CursorRange): number {
  if (cursor === undefined) return noCursor;
  const seq = cursor - offset;
  return seq < Math.max(0, firstSeq - 1) || seq > lastSeq ? noCursor : seq;
}
