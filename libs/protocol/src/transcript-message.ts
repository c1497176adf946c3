import { z } from "zod";
import { addressFields } from "./address-fields.ts";
import { AnswerMetadata } from "./answer-metadata.ts";
import { Author } from "./author.ts";
import { branchFields } from "./branch-fields.ts";
import { AnyErrorCode } from "./errors.ts";
import { Feedback } from "./feedback.ts";
import { TurnId } from "./ids.ts";
import { openEnum } from "./open-enum.ts";
import { Part } from "./parts.ts";
import { FinishedToolCall } from "./tool-calls.ts";
import { Usage } from "./usage.ts";

export const TranscriptMessage = z
  .object({
    message_id: z.string().describe("Of the turn, and whether it is the question or the answer."),
    turn_id: TurnId,
    author: Author.describe("Who wrote it."),
    message: z.string().describe("The text."),
    status: openEnum(["complete", "cancelled", "error"]).describe(
      "How the turn ended; of a user's message `complete`.",
    ),
    code: AnyErrorCode.optional().describe("Of answers that failed: why."),
    error: z.string().optional().describe("The same as a sentence for people."),
    retryable: z.boolean().optional().describe("Of answers that failed: whether the same message may succeed later."),
    parts: z
      .array(Part)
      .optional()
      .describe("The message in the order in which it came: `message` is its text, `tool_calls` its calls."),
    tool_calls: z.array(FinishedToolCall).optional().describe("Of answers."),
    usage: Usage.optional().describe("Of answers."),
    metadata: AnswerMetadata.optional().describe("Of answers: the agent, model and sources, as `complete` said them."),
    feedback: Feedback.optional().describe("Of answers: what the reader said of it, if anything."),
    post: z
      .number()
      .int()
      .optional()
      .describe("Of a message that asks no agent: its number among these. It is of no turn, and has no answer."),
    after: TurnId.nullable()
      .optional()
      .describe("Of such a one: the last turn that was accepted before it; null: none."),
    ...addressFields,
    ...branchFields,
    siblings: z
      .array(TurnId)
      .optional()
      .describe(
        "Of questions: all turns that were asked behind the same one, oldest first, its own too. Absent: it is the only one.",
      ),
    ts: z.number().describe("When it was written, ms since 1970."),
  })
  .describe("A stored message as a reader of the transcript sees it.");
export type TranscriptMessage = z.infer<typeof TranscriptMessage>;
