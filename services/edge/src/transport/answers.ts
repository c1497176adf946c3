import { cutOf, seedMetadata, seedToolCall, type TerminalEvent } from "@parley/dialects";
import {
  Handover,
  AgentChoice,
  AnswerMetadata,
  ApprovalDecision,
  CallId,
  ConversationId,
  ErrorCode,
  Feedback,
  FinishedToolCall,
  MessageChanges,
  MessageId,
  ModelChoice,
  Part,
  Rating,
  Room,
  Simulated,
  ToolArguments,
  TranscriptMessage,
  TurnId,
  Usage,
  messageIdOf,
  type Parts,
} from "@parley/protocol";
import { z } from "zod";

/** The bodies of answers; each schema is also what the OpenAPI document says. */

export const ErrorAnswer = z.object({
  error: z.string().describe("A sentence for people."),
  code: ErrorCode,
  retryable: z.boolean().describe("Whether the same request may succeed later."),
  retry_after_ms: z.number().optional(),
  conversation_id: ConversationId.optional(),
  turn_id: TurnId.optional().describe("The turn goes on, or has ended, under this id."),
});

const Passages = AnswerMetadata.shape.context.unwrap().shape;

const Finish = AnswerMetadata.shape.finish.describe("Why the answer is not whole; absent: it is.");

export const ChatAnswer = z.object({
  response: z.string(),
  session_id: z.string().describe("What the request said, or the conversation."),
  metadata: z.object({
    agent: z.string(),
    confidence: z.number(),
    model: z.string().optional(),
    context: z.object({
      sources: z.array(z.string()).describe("Titles of the passages that the model was given."),
      found: Passages.found,
      cited: Passages.cited,
    }),
    handover: AnswerMetadata.shape.handover,
    posted: AnswerMetadata.shape.posted,
    finish: Finish,
    cancelled: z.literal(true).optional().describe("The answer was cancelled: `response` is the text so far."),
  }),
  conversation_id: ConversationId,
  turn_id: TurnId,
  message_id: z.string(),
  parts: z
    .array(Part)
    .describe("The answer in the order in which it came: `response` is its text, `tool_calls` its calls."),
  tool_calls: z.array(FinishedToolCall),
  usage: Usage,
});
export type ChatAnswer = z.infer<typeof ChatAnswer>;

const SeedToolCall = FinishedToolCall.pick({
  call_id: true,
  tool_name: true,
  arguments: true,
  arguments_bytes: true,
  result: true,
}).extend({
  status: z.enum(["completed", "failed"]),
});

export const SeedAnswer = z.object({
  message: z.string(),
  tool_calls: z.array(SeedToolCall),
  conversation_id: ConversationId,
  finish: Finish,
});
export type SeedAnswer = z.infer<typeof SeedAnswer>;

const ConversationSummary = z.object({
  conversation_id: ConversationId,
  title: z.string().describe("Its title; the beginning of the first message where it has none."),
  updated_at: z
    .number()
    .describe("When a message was last accepted, or an answer last ended, whichever came later; ms since 1970."),
  status: z
    .enum(["running", "waiting"])
    .optional()
    .describe("An answer runs, or is about to; or waits for a person. Absent: neither, as far as is known."),
  unread: z
    .number()
    .int()
    .optional()
    .describe(
      "Messages of others that the caller has not read, at most `unreadShown`. Absent: nobody else has a part in it.",
    ),
});

export const ConversationPage = z.object({
  conversations: z.array(ConversationSummary),
  next_cursor: z.string().optional().describe("Give it as `cursor` for older ones; absent: there are none."),
});

export const MessagePage = z.object({
  conversation_id: ConversationId,
  title: z.string().optional().describe("Of the conversation, if it has one."),
  handover: Handover.optional().describe("Of the newest page: whether a person answers in place of the agent."),
  room: Room.optional().describe(
    "Of the newest page: who has a part in the conversation. Absent: its owner alone has.",
  ),
  messages: z.array(TranscriptMessage).describe("Oldest first, as they stand now."),
  changes: z
    .array(MessageChanges)
    .optional()
    .describe("What became of these messages after they were written. Absent: nothing."),
  before: z.string().optional().describe("Give it as `before` for older ones; absent: there are none."),
});

export const ResultAnswer = FinishedToolCall.pick({
  call_id: true,
  tool_name: true,
  arguments: true,
  status: true,
  duration_ms: true,
}).extend({
  conversation_id: ConversationId,
  turn_id: TurnId,
  arguments: ToolArguments.describe("Whole."),
  result: z.string().describe("Whole, up to 256 KB."),
  truncated: z.boolean().optional().describe("The tool said more than that."),
});

export const TitleAnswer = z.object({ conversation_id: ConversationId, title: z.string() });

export const FeedbackAnswer = z.object({
  conversation_id: ConversationId,
  message_id: MessageId,
  rating: Rating.nullable().describe("What counts now; null: nothing."),
  comment: Feedback.shape.comment.describe("As it is kept."),
});

export const AgentsAnswer = z.object({
  agents: z.array(AgentChoice).describe("By name. Empty where no agent worker has said anything yet."),
  models: z.array(ModelChoice).describe("By name."),
  simulated: Simulated.optional().describe("What is not real here. Absent: nothing that is known of."),
});

export const CancelAnswer = z.object({ turn_id: TurnId });

export const ApprovalAnswer = z.object({
  conversation_id: ConversationId,
  turn_id: TurnId,
  call_id: CallId,
  ...ApprovalDecision.shape,
});

type Answered = Exclude<TerminalEvent, { type: "error" }>;

/** A cancelled answer is one with the text so far, as for clients of the seeds. */
export function chatAnswerOf(end: Answered, parts: Parts, session: string | undefined): ChatAnswer {
  const { response, conversation_id, turn_id, message_id, tool_calls, usage } = end;
  const known = end.type === "complete" ? end.metadata : {};
  return {
    response,
    session_id: session ?? conversation_id,
    metadata: {
      ...answerMetadata(known),
      ...(known.model === undefined ? {} : { model: known.model }),
      ...(end.type === "cancelled" ? { cancelled: true as const } : {}),
    },
    conversation_id,
    turn_id,
    // Of a message between people there is no answer: it is the message itself.
    message_id: known.posted === true ? messageIdOf(turn_id, "user") : message_id,
    parts: [...parts],
    tool_calls,
    usage,
  };
}

/** What the seeds know of it, and what they do not: how many passages there were, which are cited, and that a person answers. */
function answerMetadata(
  known: AnswerMetadata,
): Pick<ChatAnswer["metadata"], "agent" | "confidence" | "context" | "handover" | "posted"> {
  const { context, ...rest } = seedMetadata(known);
  const { found, cited } = known.context ?? {};
  return {
    ...rest,
    context: { ...context, ...(found === undefined ? {} : { found }), ...(cited === undefined ? {} : { cited }) },
    ...(known.handover === undefined ? {} : { handover: known.handover }),
    ...(known.posted === undefined ? {} : { posted: known.posted }),
  };
}

/** Clients of seed A know two ways in which a tool ends. */
export function seedAnswerOf(end: Answered): SeedAnswer {
  const { response, tool_calls, conversation_id } = end;
  const cut = end.type === "complete" ? cutOf(end.metadata) : {};
  return { message: response, tool_calls: tool_calls.map(seedToolCall), conversation_id, ...cut };
}
