import { z } from "zod";
import { AnswerMetadata } from "./answer-metadata.ts";
import { ApprovalDecision, ApprovalRequest } from "./approval.ts";
import { Author } from "./author.ts";
import { addressFields } from "./address-fields.ts";
import { branchFields } from "./branch-fields.ts";
import { AnyErrorCode } from "./errors.ts";
import { CallId, ConversationId, TurnId } from "./ids.ts";
import { callFiles, messageFiles } from "./message-files.ts";
import { openEnum } from "./open-enum.ts";
import { Source } from "./source.ts";
import { FinishedToolCall, StepCall, ToolCall } from "./tool-calls.ts";
import { traceParent } from "./trace.ts";
import { Usage } from "./usage.ts";

/**
 * Stored events. Each is the native server frame without `seq`, with `type` as its first key: the edge forwards the stored bytes with the
 * sequence spliced in. `claimed`, `released`, `step`, `ending`, `cancel_requested`, `tool_begun` and `mark` are the processes' own and are never
 * shown.
 */

/** What every event has. */
export const common = {
  conversation_id: ConversationId,
  turn_id: TurnId,
  ts: z.number().describe("When it was written, ms since 1970. For display, never for order."),
};
/** The agent's chain: `n` counts from 0 within an attempt, without a hole. */
export const chained = {
  ...common,
  attempt: z.number().int().positive().describe("1; more after another worker took the turn over."),
  n: z.number().int().nonnegative().describe("Place in the attempt. Numbers are missing where an event is not shown."),
};

export const MessageEvent = z
  .object({
    type: z.literal("message"),
    ...common,
    message_id: z.string().describe("As in the transcript."),
    id: z.string().describe("The client's own id of it."),
    author: Author.describe("Who wrote it."),
    message: z.string().describe("The text."),
    changed: z
      .number()
      .int()
      .positive()
      .optional()
      .describe("It comes again, because its author has changed the text while it waited; so many times by now."),
    ...messageFiles,
    ...branchFields,
    ...addressFields,
  })
  .describe(
    "What a participant wrote; every device that looks gets it, the sender's too. The first event of its turn. One that comes again replaces it.",
  );
export type MessageEvent = z.infer<typeof MessageEvent>;

const ClaimedEvent = z.object({
  type: z.literal("claimed"),
  ...chained,
  worker: z.string(),
  /** It says so, when it is asked, that it has the turn. An older worker does not, nor one that the broker's permissions keep from talking. */
  answers: z.literal(true).optional(),
  /** Of this attempt: the next one points to it. */
  trace: traceParent(),
});
/** A worker that stops hands its turn over: the attempt does not count as a lost one. */
const ReleasedEvent = z.object({ type: z.literal("released"), ...chained });
export const ThinkingEvent = z
  .object({
    type: z.literal("thinking"),
    ...chained,
    message: z.string().describe("For people."),
  })
  .describe("A worker has taken the turn.");
export const ProgressEvent = z
  .object({
    type: z.literal("progress"),
    ...chained,
    step: z.string().describe("`agent_routing`, `rag_retrieval` or `generating`; there may be others."),
    message: z.string().describe("For people."),
    agent: z.string().optional().describe("The agent that was chosen."),
    name: z.string().optional().describe("How the room calls it, where several people write."),
    confidence: z.number().optional().describe("How sure that is, 0 to 1; computed."),
    method: z
      .string()
      .optional()
      .describe(
        "How it was chosen: `explicit`, `rule`, `lexical`, `model`, `previous` or `default`; there may be others.",
      ),
    sources: z.array(Source).optional().describe("The passages that were found."),
    model: z
      .string()
      .optional()
      .describe("The model that answers from here on, in place of the one that was asked first."),
  })
  .describe("A step of the work begins. It may come again, with what the step has found.");
export const TokenEvent = z
  .object({ type: z.literal("token"), ...chained, token: z.string().describe("One or more tokens of the model.") })
  .describe("The answer goes on: append it.");
export const ReasoningEvent = z
  .object({
    type: z.literal("reasoning"),
    ...chained,
    token: z.string().describe("One or more tokens of what the model thinks before it answers."),
    shown: z.literal(true).optional().describe("The agent wants it to be seen at once. Absent: clients fold it."),
  })
  .describe("The model's reasoning goes on: append it, as a part of its own.");
/** Commits a model step that asked for tools: its text and calls stay, whoever dies. Written before any of its tools is started. */
const StepEvent = z.object({
  type: z.literal("step"),
  ...chained,
  step: z.number().int().nonnegative(),
  tool_calls: z.array(StepCall),
  usage: Usage,
  /** Whose calls they are: see `callerHash`. Absent: an older version committed it. */
  caller_hash: z.string().optional(),
});
/** The answer begins with this text, whatever the model says after it. Committed before the text is told and the model is asked; hidden. */
const OpeningEvent = z.object({ type: z.literal("_opening"), ...chained, text: z.string() });
export const ToolCallStartEvent = z
  .object({
    type: z.literal("tool_call_start"),
    ...chained,
    ...ToolCall.shape,
  })
  .describe("A tool is called.");
export const TurnRestartedEvent = z
  .object({
    type: z.literal("turn_restarted"),
    ...chained,
    text: z.string().describe("What stays of the answer: it replaces what a viewer has."),
  })
  .describe(
    "The model begins its unfinished step anew: its worker was lost, or the model broke off. Finished tool calls stay.",
  );

export const WaitingEvent = z
  .object({
    type: z.literal("waiting"),
    ...chained,
    for: openEnum(["approval", "form", "person"]).describe("For what."),
    until: z.number().describe("When the first of what it waits for expires, ms since 1970."),
  })
  .describe("The turn waits for a person, and goes on when that person has decided.");

const ended = {
  message_id: z.string().describe("The answer's id in the transcript."),
  author: Author.optional().describe("Who answered, as the room calls it. Absent: the assistant."),
  tool_calls: z
    .array(FinishedToolCall)
    .describe(
      "All calls of the turn. Results that are too large together are cut to their beginnings, see `truncated`.",
    ),
  usage: Usage.describe("What the turn cost."),
};
const CompleteOutcome = z.object({
  type: z.literal("complete"),
  response: z.string().describe("The whole answer."),
  ...ended,
  metadata: AnswerMetadata.describe("Who answered, and from what."),
});
const textSoFar = z.string().describe("The text so far; the transcript keeps it.");
const CancelledOutcome = z.object({
  type: z.literal("cancelled"),
  response: textSoFar,
  ...ended,
  reason: z.string().describe("`cancelled by user` or `interrupted`; there may be others."),
});
const ErrorOutcome = z.object({
  type: z.literal("error"),
  error: z.string().describe("A sentence for people."),
  code: AnyErrorCode.describe("One of the error codes."),
  retryable: z.boolean().describe("Whether the same message may succeed later."),
  retry_after_ms: z.number().optional().describe("When to try again, if that is known."),
  response: textSoFar,
  ...ended,
});
export const Outcome = z.discriminatedUnion("type", [CompleteOutcome, CancelledOutcome, ErrorOutcome]);
export type Outcome = z.infer<typeof Outcome>;

/** Decides how the turn ends. After it nothing else can be decided: a takeover only stores the transcript and writes the terminal event. */
const EndingEvent = z.object({ type: z.literal("ending"), ...chained, outcome: Outcome });

export const CompleteEvent = CompleteOutcome.extend(chained).describe("The answer is whole. Ends the turn.");
export const CancelledEvent = CancelledOutcome.extend(chained).describe("Somebody stopped the answer. Ends the turn.");
export const ErrorEvent = ErrorOutcome.extend(chained).describe("The turn failed. Ends it.");

export const ToolCallEndEvent = z
  .object({
    type: z.literal("tool_call_end"),
    ...common,
    ...FinishedToolCall.shape,
    ...callFiles,
  })
  .describe("A tool call has ended, in whatever way.");
export type ToolCallEndEvent = z.infer<typeof ToolCallEndEvent>;
const ToolBegunEvent = z.object({
  type: z.literal("tool_begun"),
  ...common,
  call_id: CallId,
  worker: z.string(),
});
export const ToolCallProgressEvent = z
  .object({
    type: z.literal("tool_call_progress"),
    ...common,
    call_id: CallId,
    message: z.string().describe("For people."),
  })
  .describe("A tool says how far it is. For display only.");
export const ApprovalRequiredEvent = z
  .object({ type: z.literal("approval_required"), ...common, ...ToolCall.shape, ...ApprovalRequest.shape })
  .describe("A tool call needs a person's agreement: answer with `approve`.");
export const ApprovalDecidedEvent = z
  .object({ type: z.literal("approval_decided"), ...common, call_id: CallId, ...ApprovalDecision.shape })
  .describe("It was decided whether the call runs.");
const CancelRequestedEvent = z.object({
  type: z.literal("cancel_requested"),
  ...common,
  by: z.string(),
  reason: z.string(),
});
/** Says nothing: its sequence is what an edge needs that owes its viewers a snapshot above the last event there was. */
const MarkEvent = z.object({ type: z.literal("mark"), ...common });

/** What may stand in the agent's chain. */
export const ChainEvent = z.discriminatedUnion("type", [
  ClaimedEvent,
  ReleasedEvent,
  ThinkingEvent,
  ProgressEvent,
  TokenEvent,
  ReasoningEvent,
  StepEvent,
  OpeningEvent,
  ToolCallStartEvent,
  TurnRestartedEvent,
  WaitingEvent,
  EndingEvent,
  CompleteEvent,
  CancelledEvent,
  ErrorEvent,
]);
export type ChainEvent = z.infer<typeof ChainEvent>;

export const StoredEvent = z.discriminatedUnion("type", [
  ...ChainEvent.options,
  MessageEvent,
  ToolCallEndEvent,
  ToolBegunEvent,
  ToolCallProgressEvent,
  ApprovalRequiredEvent,
  ApprovalDecidedEvent,
  CancelRequestedEvent,
  MarkEvent,
]);
export type StoredEvent = z.infer<typeof StoredEvent>;
export type StoredEventType = StoredEvent["type"];
