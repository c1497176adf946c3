import { z } from "zod";
import { Author } from "./author.ts";
import { HandoverEvent } from "./handover.ts";
import { ConversationId } from "./ids.ts";
import { MessageDeletedEvent, MessageEditedEvent, ReactionEvent } from "./message-changes.ts";
import { PostEvent } from "./post.ts";
import { MemberEvent, PinEvent } from "./room.ts";

export { titleLine } from "./title-line.ts";

/**
 * Events that belong to a conversation and to no turn (docs/adr/0016): in the same stream as its turns' events, with the same cursor. What must
 * outlive the event window stands in a record as well, which is written first.
 */

const common = {
  conversation_id: ConversationId,
  ts: z.number().describe("When it was written, ms since 1970. For display, never for order."),
};

const titleNumber = z.number().int().positive();

export const TitleEvent = z
  .object({
    type: z.literal("title"),
    ...common,
    n: titleNumber.describe("Counts the titles of the conversation. They come in this order; numbers may be missing."),
    title: z.string().describe("The title, in one line."),
    by: Author.optional().describe("Whoever gave it."),
  })
  .describe("The conversation has a title, or another one. The last one counts.");
export type TitleEvent = z.infer<typeof TitleEvent>;

export const ConversationEvent = z.discriminatedUnion("type", [
  TitleEvent,
  HandoverEvent,
  MemberEvent,
  PinEvent,
  PostEvent,
  MessageEditedEvent,
  MessageDeletedEvent,
  ReactionEvent,
]);
export type ConversationEvent = z.infer<typeof ConversationEvent>;

const types: ReadonlySet<string> = new Set(ConversationEvent.options.map(({ shape }) => shape.type.value));

/** Whether it belongs to its conversation and to no turn. */
export function isConversationEvent<Event extends { readonly type: string }>(
  event: Event,
): event is Extract<Event, ConversationEvent> {
  return types.has(event.type);
}

/**
 * A title as `LOG` keeps it, on a subject of its own, so that one exact look-up finds the one that counts: the last. Each names the number after
 * the one before it, and is stored only if nothing came between (compare-and-set).
 */
export const TitleRecord = z.object({
  v: z.number().int(),
  kind: z.literal("title"),
  conversation_id: ConversationId,
  n: titleNumber,
  /** Absent: the conversation was deleted. What was decided before cannot be stored behind it. */
  title: z.string().optional(),
  by: Author.optional(),
  ts: z.number(),
});
export type TitleRecord = z.infer<typeof TitleRecord>;
