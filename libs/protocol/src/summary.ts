import { z } from "zod";
import { ConversationId, TurnId } from "./ids.ts";

const Until = z.object({
  turn_id: TurnId,
  /** Of its first record in `LOG`: turns with higher ones came later. */
  seq: z.number().int().positive(),
});
export type SummarisedUntil = z.infer<typeof Until>;

/**
 * What the beginning of a conversation came to, as `LOG` keeps it on a subject of its own: the last record counts. Each names the number after the one
 * before it, and is stored only if nothing came between (compare-and-set). It is for the model alone; the transcript stays as it is.
 */
export const SummaryRecord = z.object({
  v: z.number().int(),
  kind: z.literal("summary"),
  conversation_id: ConversationId,
  n: z.number().int().positive(),
  /** The last turn of which the text tells. Absent, as the text is: there is none yet, or the conversation was deleted. */
  until: Until.optional(),
  text: z.string().optional(),
  /** Which model wrote it, as it calls itself. */
  model: z.string().optional(),
  /** Some worker has asked a model for the next one, at this time: until then nobody else does. */
  asking: z.object({ until: Until, ts: z.number() }).optional(),
  ts: z.number(),
});
export type SummaryRecord = z.infer<typeof SummaryRecord>;

/** A summary as the model is given it. */
export interface Summary {
  readonly until: SummarisedUntil;
  readonly text: string;
}
