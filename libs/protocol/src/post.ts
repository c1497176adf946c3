import { z } from "zod";
import { addressFields } from "./address-fields.ts";
import { Author } from "./author.ts";
import { ConversationId, TurnId } from "./ids.ts";
import { messageFiles } from "./message-files.ts";
import { RecordLink } from "./record-link.ts";

/**
 * A message between people: it asks no agent, so it is no turn and waits in no queue (docs/adr/0029). It has the id that its turn would have, made from user, conversation and the
 * client's id in the same way, so a repeat of it is the same post.
 */

const post = {
  conversation_id: ConversationId,
  turn_id: TurnId.describe("The id that its turn would have. No turn of this id ever runs."),
  message_id: z.string().describe("As in the transcript."),
  id: z.string().describe("The client's own id of the message."),
  author: Author.describe("Who wrote it."),
  message: z.string().describe("The text."),
  ...messageFiles,
  ...addressFields,
  after: TurnId.nullable().describe(
    "The last turn that was accepted before it; null: none. It stands behind that turn and its answer, among others there in the order of `n`.",
  ),
  ts: z.number().describe("When it was written, ms since 1970. For display, never for order."),
};

export const PostEvent = z
  .object({
    type: z.literal("post"),
    ...post,
    n: z
      .number()
      .int()
      .positive()
      .describe("Counts the posts of the conversation; each has its own, and none is missing."),
  })
  .describe("Somebody wrote to the others. No agent answers.");
export type PostEvent = z.infer<typeof PostEvent>;

/** The same as `LOG` keeps it, on `chat.post.<s>.<conv>`: a chain like that of the turns' records, each behind the one before it (compare-and-set). */
export const PostRecord = z.object({
  v: z.number().int(),
  kind: z.literal("post"),
  ...RecordLink.shape,
  /** Absent: the conversation was deleted. */
  post: PostEvent.optional(),
  ts: z.number(),
});
export type PostRecord = z.infer<typeof PostRecord>;
