import { z } from "zod";
import { ConversationId, TurnId } from "./ids.ts";
import { openEnum } from "./open-enum.ts";

/** What people say of answers. */

export const Rating = z.enum(["up", "down"]);
export type Rating = z.infer<typeof Rating>;

export const Feedback = z
  .object({
    rating: openEnum(Rating.options).describe("What the reader thinks of the answer."),
    comment: z.string().optional().describe("Why, in the reader's words."),
  })
  .describe("What the reader of a message said of it; nobody else is shown it.");
export type Feedback = z.infer<typeof Feedback>;

/** Longer than the ids that are made here: ids come from clients. */
export const MessageId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, "must be 1 to 128 letters, digits, '_' or '-'")
  .describe("The message, as in the transcript.");

/** What one user said of one answer. */
export const FeedbackEntry = z.object({
  message_id: z.string(),
  turn_id: TurnId,
  user_id: z.string(),
  /** Absent: it was taken back. What stays counts the changes. */
  rating: openEnum(Rating.options).optional(),
  comment: z.string().optional(),
  /** Who answered, and with which model, as the answer said. */
  agent: z.string().optional(),
  model: z.string().optional(),
  /** How often it was given, changed and taken back. */
  changes: z.number().int().positive(),
  /** The last time. */
  ts: z.number(),
});
export type FeedbackEntry = z.infer<typeof FeedbackEntry>;

/**
 * All that was said of the answers of a conversation, as `LOG` keeps it on a subject of its own: the last record counts. Each names the number after the
 * one before it, and is stored only if nothing came between (compare-and-set).
 */
export const FeedbackRecord = z.object({
  v: z.number().int(),
  kind: z.literal("feedback"),
  conversation_id: ConversationId,
  n: z.number().int().positive(),
  /** Absent: the conversation was deleted. What was on its way before cannot be stored behind it. */
  entries: z.array(FeedbackEntry).optional(),
  ts: z.number(),
});
export type FeedbackRecord = z.infer<typeof FeedbackRecord>;

/** A comment as it is kept: its lines stay, other control characters, which terminals and tables would obey, are spaces. */
export function commentText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/[^\P{Cc}\n\t]/gu, " ")
    .trim();
}

/** What one user has said, by message. */
export function feedbackBy(entries: readonly FeedbackEntry[], userId: string): ReadonlyMap<string, Feedback> {
  const own = entries.filter(({ user_id }) => user_id === userId);
  return new Map(
    own.flatMap(({ message_id, rating, comment }) =>
      rating === undefined ? [] : [[message_id, { rating, ...(comment === undefined ? {} : { comment }) }] as const],
    ),
  );
}
