import { z } from "zod";
import { ErrorCode } from "./errors.ts";
import { CallId, ConversationId, TurnId } from "./ids.ts";

/**
 * Stored events. Each is the native server frame without `seq`, with `type` as its first key: the edge forwards the stored bytes with the
 * sequence spliced in. `claimed`, `released`, `step`, `ending`, `cancel_requested` and `tool_begun` are the workers' own and are never shown.
 */

const common = {
  conversation_id: ConversationId,
  turn_id: TurnId,
  /** Milliseconds since 1970 by the writer's clock; for display, never for order. */
  ts: z.number(),
};
/** The agent's chain: `n` counts from 0 within an attempt, without a hole. */
const chained = {
  ...common,
  attempt: z.number().int().positive(),
  n: z.number().int().nonnegative(),
};

export const Author = z.object({
  role: z.enum(["user", "assistant"]),
  id: z.string().optional(),
  name: z.string().optional(),
});
export type Author = z.infer<typeof Author>;

/** A passage of a document that the answer may rest on. */
export const Source = z.object({ title: z.string(), file: z.string().optional(), score: z.number().optional() });
export type Source = z.infer<typeof Source>;

export const ToolStatus = z.enum(["completed", "failed", "denied", "cancelled", "timeout"]);
export type ToolStatus = z.infer<typeof ToolStatus>;

/** Arguments are whatever object the model produced; the tool's own schema checks them. */
export const ToolArguments = z.record(z.string(), z.unknown());
export type ToolArguments = z.infer<typeof ToolArguments>;

export const ToolCall = z.object({
  call_id: CallId,
  tool_name: z.string(),
  arguments: ToolArguments,
});
export type ToolCall = z.infer<typeof ToolCall>;

/** A call as a step committed it. `problem`: it cannot run (unknown tool, unreadable arguments); the sentence goes back to the model. */
export const StepCall = ToolCall.extend({ problem: z.string().optional() });
export type StepCall = z.infer<typeof StepCall>;

export const FinishedToolCall = ToolCall.extend({
  status: ToolStatus,
  result: z.string(),
  duration_ms: z.number(),
  truncated: z.boolean().optional(),
});
export type FinishedToolCall = z.infer<typeof FinishedToolCall>;

export const Usage = z.object({
  input_tokens: z.number(),
  output_tokens: z.number(),
  estimated: z.boolean().optional(),
});
export type Usage = z.infer<typeof Usage>;

export const AnswerMetadata = z.object({
  agent: z.string().optional(),
  confidence: z.number().optional(),
  model: z.string().optional(),
  context: z.object({ sources: z.array(Source) }).optional(),
});
export type AnswerMetadata = z.infer<typeof AnswerMetadata>;

export const MessageEvent = z.object({
  type: z.literal("message"),
  ...common,
  message_id: z.string(),
  /** The client's own id of it. */
  id: z.string(),
  author: Author,
  message: z.string(),
});
export type MessageEvent = z.infer<typeof MessageEvent>;

const ClaimedEvent = z.object({
  type: z.literal("claimed"),
  ...chained,
  worker: z.string(),
});
/** A worker that stops hands its turn over: the attempt does not count as a lost one. */
const ReleasedEvent = z.object({ type: z.literal("released"), ...chained });
export const ThinkingEvent = z.object({
  type: z.literal("thinking"),
  ...chained,
  message: z.string(),
});
export const ProgressEvent = z.object({
  type: z.literal("progress"),
  ...chained,
  step: z.string(),
  message: z.string(),
  agent: z.string().optional(),
  confidence: z.number().optional(),
  method: z.string().optional(),
  sources: z.array(Source).optional(),
});
export const TokenEvent = z.object({ type: z.literal("token"), ...chained, token: z.string() });
/** Commits a model step that asked for tools: its text and calls stay, whoever dies. Written before any of its tools is started. */
const StepEvent = z.object({
  type: z.literal("step"),
  ...chained,
  step: z.number().int().nonnegative(),
  tool_calls: z.array(StepCall),
  usage: Usage,
});
export const ToolCallStartEvent = z.object({
  type: z.literal("tool_call_start"),
  ...chained,
  ...ToolCall.shape,
});
/** `text` is what stays; a viewer replaces what it has. */
export const TurnRestartedEvent = z.object({
  type: z.literal("turn_restarted"),
  ...chained,
  text: z.string(),
});

const CompleteOutcome = z.object({
  type: z.literal("complete"),
  response: z.string(),
  message_id: z.string(),
  tool_calls: z.array(FinishedToolCall),
  usage: Usage,
  metadata: AnswerMetadata,
});
const CancelledOutcome = z.object({
  type: z.literal("cancelled"),
  response: z.string(),
  message_id: z.string(),
  tool_calls: z.array(FinishedToolCall),
  usage: Usage,
  reason: z.string(),
});
const ErrorOutcome = z.object({
  type: z.literal("error"),
  error: z.string(),
  code: ErrorCode,
  retryable: z.boolean(),
  retry_after_ms: z.number().optional(),
  /** The text so far, kept in the transcript. */
  response: z.string(),
  message_id: z.string(),
  tool_calls: z.array(FinishedToolCall),
  usage: Usage,
});
export const Outcome = z.discriminatedUnion("type", [CompleteOutcome, CancelledOutcome, ErrorOutcome]);
export type Outcome = z.infer<typeof Outcome>;

/** Decides how the turn ends. After it nothing else can be decided: a takeover only stores the transcript and writes the terminal event. */
const EndingEvent = z.object({ type: z.literal("ending"), ...chained, outcome: Outcome });

export const CompleteEvent = CompleteOutcome.extend(chained);
export const CancelledEvent = CancelledOutcome.extend(chained);
export const ErrorEvent = ErrorOutcome.extend(chained);

export const ToolCallEndEvent = z.object({
  type: z.literal("tool_call_end"),
  ...common,
  ...FinishedToolCall.shape,
});
export type ToolCallEndEvent = z.infer<typeof ToolCallEndEvent>;
const ToolBegunEvent = z.object({
  type: z.literal("tool_begun"),
  ...common,
  call_id: CallId,
  worker: z.string(),
});
export const ToolCallProgressEvent = z.object({
  type: z.literal("tool_call_progress"),
  ...common,
  call_id: CallId,
  message: z.string(),
});
const CancelRequestedEvent = z.object({
  type: z.literal("cancel_requested"),
  ...common,
  by: z.string(),
  reason: z.string(),
});

/** What may stand in the agent's chain. */
export const ChainEvent = z.discriminatedUnion("type", [
  ClaimedEvent,
  ReleasedEvent,
  ThinkingEvent,
  ProgressEvent,
  TokenEvent,
  StepEvent,
  ToolCallStartEvent,
  TurnRestartedEvent,
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
  CancelRequestedEvent,
]);
export type StoredEvent = z.infer<typeof StoredEvent>;
export type StoredEventType = StoredEvent["type"];

const hidden: ReadonlySet<string> = new Set([
  "claimed",
  "released",
  "step",
  "ending",
  "tool_begun",
  "cancel_requested",
]);
const terminal: ReadonlySet<string> = new Set(["complete", "cancelled", "error"]);

/** Whether viewers see events of this type. */
export function isVisible(type: string): boolean {
  return !hidden.has(type);
}

/** Whether an event of this type ends its turn. */
export function isTerminal(type: string): type is Outcome["type"] {
  return terminal.has(type);
}
