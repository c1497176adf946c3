import { z } from "zod";
import { ConversationId } from "./ids.ts";
import { TranscriptMessage } from "./server-frames.ts";

/**
 * One record of `LOG`. `prev` is the stream sequence of the record before it in the same conversation (0: none), so that a reader walks
 * back from the last one without scanning the stream.
 */
export const LogRecord = TranscriptMessage.extend({
  v: z.literal(1),
  conversation_id: ConversationId,
  prev: z.number().int().nonnegative(),
});
export type LogRecord = z.infer<typeof LogRecord>;

/** Whose conversation it is. */
export const OwnerRecord = z.object({ v: z.literal(1), user_id: z.string(), ts: z.number() });
export type OwnerRecord = z.infer<typeof OwnerRecord>;
