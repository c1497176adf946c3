import { z } from "zod";
import { ConversationId } from "./ids.ts";

/** What every record of a conversation in `LOG` has, whatever version wrote it. */
export const RecordLink = z.object({ conversation_id: ConversationId, prev: z.number().int().nonnegative() });
export type RecordLink = z.infer<typeof RecordLink>;
