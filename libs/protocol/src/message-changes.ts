import { z } from "zod";
import { Author } from "./author.ts";
import { ConversationId } from "./ids.ts";
import { limits } from "./limits.ts";
import { Person } from "./room.ts";

/** What became of a message after it was written: edits, its deletion, reactions (docs/adr/0029). */

/** What shows, then more of that, and what joins emoji: families and people at work are several, some flags have tags. */
const reactionText = /^[^\s\p{Cc}\p{Cf}\p{Cs}](?:[^\s\p{Cc}\p{Cf}\p{Cs}]|[\u200d\u{e0020}-\u{e007f}])*$/u;

/** One to `reactionChars` characters, none of them white space or a control: an emoji, or a short word. */
export const Reaction = z
  .string()
  .regex(/^\S+$/, "must have no white space")
  .refine((text) => reactionText.test(text), "must have no control characters")
  .refine((text) => Array.from(text).length <= limits.reactionChars, "is too long");
export type Reaction = z.infer<typeof Reaction>;

export const ReactionCount = z
  .object({
    reaction: z.string().describe("An emoji, or a short word."),
    by: z.array(Person).describe("Who gave it, first one first."),
  })
  .describe("A reaction to a message, and who gave it.");
export type ReactionCount = z.infer<typeof ReactionCount>;

/** How a changed message stands: the whole of it, so the one with the highest `n` is all that counts. */
export const MessageChanges = z
  .object({
    message_id: z.string().describe("As in the transcript."),
    n: z.number().int().positive().describe("Counts the changes of the message."),
    message: z.string().optional().describe("Its text now. Absent: as it was written, or it was deleted."),
    edited_at: z.number().optional().describe("When its text was changed last, ms since 1970."),
    deleted_at: z.number().optional().describe("When it was deleted, ms since 1970. There is no text then."),
    deleted_by: Person.optional().describe("Who deleted it."),
    reactions: z.array(ReactionCount).describe("In the order in which they were first given."),
  })
  .describe("What became of a message after it was written. The one with the highest `n` counts.");
export type MessageChanges = z.infer<typeof MessageChanges>;

const common = {
  conversation_id: ConversationId,
  ts: z.number().describe("When it was written, ms since 1970. For display, never for order."),
  message_id: z.string().describe("As in the transcript."),
  by: Author.describe("Whoever did it."),
  stands: MessageChanges.describe("What has become of the message, all of it."),
};

export const MessageEditedEvent = z
  .object({ type: z.literal("message_edited"), ...common, message: z.string().describe("Its text now.") })
  .describe("Whoever wrote a message has changed its text.");
export type MessageEditedEvent = z.infer<typeof MessageEditedEvent>;

export const MessageDeletedEvent = z
  .object({ type: z.literal("message_deleted"), ...common })
  .describe("A message was deleted. Its place stays.");
export type MessageDeletedEvent = z.infer<typeof MessageDeletedEvent>;

export const ReactionEvent = z
  .object({
    type: z.literal("reaction"),
    ...common,
    reaction: z.string().describe("Which one."),
    on: z.boolean().describe("Whether it is there now."),
  })
  .describe("Somebody reacted to a message, or does so no more.");
export type ReactionEvent = z.infer<typeof ReactionEvent>;

export type ChangeEvent = MessageEditedEvent | MessageDeletedEvent | ReactionEvent;

/** What a record changed, as far as the record does not say it anyway: a text may have 64 KB, and a record would have it three times. */
const Told = z.discriminatedUnion("type", [
  MessageEditedEvent.pick({ type: true, by: true }),
  MessageDeletedEvent.pick({ type: true, by: true }),
  ReactionEvent.pick({ type: true, by: true, reaction: true, on: true }),
]);
export type ToldChange = z.infer<typeof Told>;

/** As `LOG` keeps it, on `chat.change.<s>.<conv>.<message>`: the last one counts (compare-and-set). */
export const ChangesRecord = z.object({
  v: z.number().int(),
  kind: z.literal("changes"),
  conversation_id: ConversationId,
  /** Absent: the conversation was deleted. */
  changes: MessageChanges.optional(),
  /** Earlier texts, oldest first, where the room keeps them. */
  earlier: z.array(z.object({ message: z.string(), ts: z.number() })).optional(),
  /** What this record changed: whoever finds that its event was never written writes it. */
  told: Told.optional(),
  ts: z.number(),
});
export type ChangesRecord = z.infer<typeof ChangesRecord>;

/** How viewers are told of a record; undefined: there is nothing to be told. */
export function changeEventOf({ conversation_id, changes, told, ts }: ChangesRecord): ChangeEvent | undefined {
  if (changes === undefined || told === undefined) return undefined;
  const about = { conversation_id, ts, message_id: changes.message_id, stands: changes };
  return told.type === "message_edited" ? { ...told, ...about, message: changes.message ?? "" } : { ...told, ...about };
}
