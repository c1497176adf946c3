import { z } from "zod";
import { ConversationId } from "./ids.ts";
import { limits } from "./limits.ts";

/** What every record of a conversation in `LOG` has, whatever version wrote it. */
export const RecordLink = z.object({
  conversation_id: ConversationId,
  /** Sequence of the record before it in the same conversation; 0: there is none. */
  prev: z.number().int().nonnegative(),
  /**
   * How far before `prev` each of the records before that one stands, newest first, so that a reader can ask for all of them at once. Records of
   * version 1 have none. It saves round trips and decides nothing: whoever cannot read it follows `prev`.
   */
  back: z.array(z.number().int().positive()).optional().catch(undefined),
});
export type RecordLink = z.infer<typeof RecordLink>;

/** Sequences of the records before one, newest first, as far as it names them. */
export function seqsBefore({ prev, back = [] }: Pick<RecordLink, "prev" | "back">): number[] {
  return [prev, ...back.slice(0, limits.recordsBack).map((distance) => prev - distance)].filter((seq) => seq > 0);
}

/** How a new record names those before it, of which these are the sequences, newest first. */
export function linkTo([prev = 0, ...older]: readonly number[]): Required<Pick<RecordLink, "prev">> & {
  back?: number[];
} {
  const back = older.slice(0, limits.recordsBack).map((seq) => prev - seq);
  return back.length === 0 ? { prev } : { prev, back };
}
