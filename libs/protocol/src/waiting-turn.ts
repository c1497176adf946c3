import { z } from "zod";
import { Author } from "./author.ts";
import { ConversationId, TurnId } from "./ids.ts";
import { messageFiles } from "./message-files.ts";

/** A turn that waits behind another one of its conversation, as its viewers are told. */
export const WaitingTurn = z
  .object({
    turn_id: TurnId,
    id: z.string().describe("The client's own id of the message."),
    author: Author.describe("Who wrote it."),
    text: z.string().describe("The text as it is now; its beginning where it is longer than `waitingTextBytes`."),
    truncated: z.literal(true).optional().describe("The text goes on."),
    ...messageFiles,
    position: z.number().int().positive().describe("Turns that run before it."),
  })
  .describe("A message that waits until the turns before it have ended.");
export type WaitingTurn = z.infer<typeof WaitingTurn>;

/**
 * What became of the text of a message while its turn waited: the last one on its subject counts, and each names the one before it (compare-and-set). So what
 * was changed before the turn began is what is answered, and what comes later is refused.
 */
export const TextFact = z.object({
  v: z.number().int(),
  kind: z.literal("text"),
  conversation_id: ConversationId,
  turn_id: TurnId,
  /** How often the text was changed. */
  n: z.number().int().nonnegative(),
  /** The text as it is now; absent: as it was sent. */
  message: z.string().optional(),
  /** `closed`: a worker has begun the turn, with this text. `taken back`: its author wants no answer any more. Nothing follows on either. */
  state: z.enum(["open", "closed", "taken back"]),
  ts: z.number(),
});
export type TextFact = z.infer<typeof TextFact>;
