import { z } from "zod";
import { PartPlace } from "./part-order.ts";
import { RecordLink } from "./record-link.ts";
import { TranscriptMessage } from "./transcript-message.ts";

/** One record of `LOG` of version 1: a message. Readers walk back from the last one, without scanning the stream. */
export const LogRecord = TranscriptMessage.extend({
  /** 1; of a newer version what this one knows of it. */
  v: z.number().int(),
  ...RecordLink.shape,
  /** Sequence of the turn in `TURNS`: turns are told in this order, also if a later one ended first. Older records have none. */
  place: z.number().int().positive().optional(),
  /** When the broker put the turn into the queue, by its own clock, ms since 1970. */
  queued_at: z.number().optional(),
  /** In which order the parts of the answer came. Absent: sources, text, calls; or a version wrote it that did not know. */
  order: z.array(PartPlace).optional().catch(undefined),
});
export type LogRecord = z.infer<typeof LogRecord>;

/** Whose conversation it is. `tenant`: of which its user was when it was made; absent: of none. */
export const OwnerRecord = z.object({
  v: z.number().int(),
  user_id: z.string(),
  tenant: z.string().optional(),
  ts: z.number(),
});
export type OwnerRecord = z.infer<typeof OwnerRecord>;

type Placed = Pick<LogRecord, "place" | "queued_at">;

/**
 * Whether a turn was accepted before another one, although it stands behind it in the log. Both `place` and the broker's clock must say so: a
 * queue that was lost counts from 1 again. False also where records of older versions do not say it.
 */
export function wasAcceptedBefore(one: Placed, other: Placed | undefined): boolean {
  if (one.place === undefined || other?.place === undefined) return false;
  if (one.queued_at === undefined || other.queued_at === undefined) return false;
  return one.place < other.place && one.queued_at <= other.queued_at;
}
