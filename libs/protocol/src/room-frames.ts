import { z } from "zod";
import { MessageId } from "./feedback.ts";
import { ConversationId, wishId } from "./ids.ts";
import { Reaction } from "./message-changes.ts";
import { acting } from "./on-behalf-of.ts";

/** What a client may send about messages that were said, and of itself, in a conversation of several people. */

const ofMessage = { ...acting, id: wishId, conversation_id: ConversationId, message_id: MessageId };

export const EditFrame = z
  .object({
    type: z.literal("edit"),
    ...ofMessage,
    message: z
      .string()
      .optional()
      .describe("The text that takes the place of the earlier one: at most `messageBytes` as UTF-8."),
    parts: z
      .array(z.object({ type: z.literal("text"), text: z.string() }))
      .optional()
      .describe("The same as parts: their texts, one after the other."),
  })
  .describe(
    "Changes the text of a message of one's own that was said. No agent answers again (for that: `message` with `supersedes`). Answered by the event `message_edited`; the same text again changes nothing.",
  );
export type EditFrame = z.infer<typeof EditFrame>;
export const DeleteFrame = z
  .object({ type: z.literal("delete"), ...ofMessage })
  .describe(
    "Deletes a message: one's own, or any as the owner. Its place stays, without its text. Answered by the event `message_deleted`; again changes nothing.",
  );
export type DeleteFrame = z.infer<typeof DeleteFrame>;
export const ReactFrame = z
  .object({
    type: z.literal("react"),
    ...ofMessage,
    reaction: Reaction.describe("An emoji, or a short word: at most `reactionChars` characters."),
    on: z.boolean().describe("Whether one reacts so from now on, or no more."),
  })
  .describe("Reacts to a message. Answered by the event `reaction`; again changes nothing.");
export type ReactFrame = z.infer<typeof ReactFrame>;
export const PinFrame = z
  .object({ type: z.literal("pin"), ...ofMessage, on: z.boolean().describe("Whether it is pinned from now on.") })
  .describe("Pins a message, or does so no more. Answered by the event `pin`; again changes nothing.");
export const TypingSignalFrame = z
  .object({
    type: z.literal("typing"),
    ...acting,
    conversation_id: ConversationId,
    on: z.boolean().describe("Whether one writes at the moment. Said again while it is so: it ends by itself."),
  })
  .describe("Tells the others of a room that one writes. Not answered.");
export type TypingSignalFrame = z.infer<typeof TypingSignalFrame>;
export const ReadSignalFrame = z
  .object({
    type: z.literal("read"),
    ...acting,
    conversation_id: ConversationId,
    message_id: MessageId.optional().describe("The last message that one has read. Absent: the last one there is."),
    seq: z.number().int().nonnegative().optional().describe("Instead: the cursor up to which one has read."),
  })
  .describe("Says how far one has read. It goes forward only. Not answered, but for `read` to one's own devices.");
export type ReadSignalFrame = z.infer<typeof ReadSignalFrame>;
