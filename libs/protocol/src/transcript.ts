import { z } from "zod";
import { RecordLink } from "./record-link.ts";
import { TranscriptMessage } from "./server-frames.ts";

/**
 * One record of `LOG`. `prev` is the stream sequence of the record before it in the same conversation (0: none), so that a reader walks
 * back from the last one without scanning the stream.
 */
export const LogRecord = TranscriptMessage.extend({
  /** 1; of a newer version what this one knows of it. */
  v: z.number().int(),
  ...RecordLink.shape,
  /** Sequence of the turn in `TURNS`: turns are told in this order, also if a later one ended first. Older records have none. */
  place: z.number().int().positive().optional(),
  /** When the broker put the turn into the queue, by its own clock, ms since 1970. */
  queued_at: z.number().optional(),
});
export type LogRecord = z.infer<typeof LogRecord>;

/** Whose conversation it is. */
export const OwnerRecord = z.object({ v: z.number().int(), user_id: z.string(), ts: z.number() });
export type OwnerRecord = z.infer<typeof OwnerRecord>;

/**
 * The records of whole turns, question and answer together, in the order in which the turns were accepted. In the log they stand in the order in
 * which they were stored: a turn that was cancelled while it waited stands before the one that ran, or between its question and its answer.
 * Two turns change places only if both `place` and the broker's clock are against the log: a queue that was lost counts from 1 again.
 */
export function inOrderOfAcceptance<R extends Placed & Pick<LogRecord, "turn_id">>(stored: readonly R[]): R[] {
  const turns: R[][] = [];
  for (const record of stored) {
    const known = turns.find(([first]) => first?.turn_id === record.turn_id);
    if (known === undefined) insert(turns, record);
    else known.push(record);
  }
  return turns.flat();
}

function insert<R extends Placed>(turns: R[][], record: R): void {
  let at = turns.length;
  while (at > 0 && wasAcceptedBefore(record, turns[at - 1]?.[0])) at--;
  turns.splice(at, 0, [record]);
}

type Placed = Pick<LogRecord, "place" | "queued_at">;

/** False also where records of older versions do not say it. */
export function wasAcceptedBefore(one: Placed, other: Placed | undefined): boolean {
  if (one.place === undefined || other?.place === undefined) return false;
  if (one.queued_at === undefined || other.queued_at === undefined) return false;
  return one.place < other.place && one.queued_at <= other.queued_at;
}
