import { z } from "zod";
import { ErrorCode } from "./errors.ts";
import {
  AnswerMetadata,
  Author,
  CancelledEvent,
  CompleteEvent,
  ErrorEvent,
  FinishedToolCall,
  MessageEvent,
  ProgressEvent,
  ThinkingEvent,
  TokenEvent,
  ToolCall,
  ToolCallEndEvent,
  ToolCallProgressEvent,
  ToolCallStartEvent,
  TurnRestartedEvent,
  Usage,
} from "./events.ts";
import { ConversationId, TurnId } from "./ids.ts";

/** What a server sends in the native dialect: frames of the connection itself, and every visible event with its cursor. */

export const User = z.object({
  id: z.string(),
  email: z.string().optional(),
  name: z.string().optional(),
});
export type User = z.infer<typeof User>;

const WelcomeFrame = z.object({
  type: z.literal("welcome"),
  connection_id: z.string(),
  auth_required: z.boolean(),
  heartbeat_ms: z.number(),
  max_message_bytes: z.number(),
  resume_window_ms: z.number(),
});
const AuthSuccessFrame = z.object({
  type: z.literal("auth_success"),
  message: z.string(),
  user: User,
  expires_at: z.number(),
});
const AuthErrorFrame = z.object({
  type: z.literal("auth_error"),
  message: z.string(),
  code: ErrorCode,
});
const AuthExpiringFrame = z.object({
  type: z.literal("auth_expiring"),
  expires_in_ms: z.number(),
});
export const AcceptedFrame = z.object({
  type: z.literal("accepted"),
  id: z.string(),
  conversation_id: ConversationId,
  turn_id: TurnId,
  message_id: z.string(),
  /** Turns of the conversation that run before this one. 0: runs now. */
  position: z.number().int(),
});
export type AcceptedFrame = z.infer<typeof AcceptedFrame>;
export const SubscribedFrame = z.object({
  type: z.literal("subscribed"),
  conversation_id: ConversationId,
  mode: z.enum(["live", "replay", "snapshot"]),
  /** The cursor from which frames follow. */
  seq: z.number(),
});
export type SubscribedFrame = z.infer<typeof SubscribedFrame>;
/** A stored message as a reader of the transcript sees it. */
export const TranscriptMessage = z.object({
  message_id: z.string(),
  turn_id: TurnId,
  author: Author,
  message: z.string(),
  status: z.enum(["complete", "cancelled", "error"]),
  code: ErrorCode.optional(),
  tool_calls: z.array(FinishedToolCall).optional(),
  usage: Usage.optional(),
  /** Of answers: the agent, model and sources, as `complete` said them. */
  metadata: AnswerMetadata.optional(),
  ts: z.number(),
});
export type TranscriptMessage = z.infer<typeof TranscriptMessage>;
/** A tool call of a running turn: finished calls carry their status and result. */
export const ToolCallState = ToolCall.extend(FinishedToolCall.partial().shape).extend({
  ...ToolCall.shape,
});
export type ToolCallState = z.infer<typeof ToolCallState>;
export const SnapshotFrame = z.object({
  type: z.literal("snapshot"),
  conversation_id: ConversationId,
  seq: z.number(),
  /** The transcript's tail, oldest first; absent when the viewer already has it. */
  messages: z.array(TranscriptMessage).optional(),
  /** The running turn, if one runs: the viewer replaces what it has of it. */
  turn_id: TurnId.optional(),
  attempt: z.number().optional(),
  text: z.string().optional(),
  tool_calls: z.array(ToolCallState).optional(),
  status: z.enum(["idle", "queued", "running"]),
  ts: z.number(),
});
export type SnapshotFrame = z.infer<typeof SnapshotFrame>;
const GoingAwayFrame = z.object({
  type: z.literal("going_away"),
  reconnect_after_ms: z.number(),
});
const PongFrame = z.object({ type: z.literal("pong"), ts: z.number() });
/** An error that answers a frame: it has no `turn_id`, and `id` when the frame had one. */
export const FrameError = z.object({
  type: z.literal("error"),
  error: z.string(),
  code: ErrorCode,
  retryable: z.boolean(),
  retry_after_ms: z.number().optional(),
  id: z.string().optional(),
  conversation_id: ConversationId.optional(),
});
export type FrameError = z.infer<typeof FrameError>;

/** Frames that belong to the connection, not to the log. */
export const ConnectionFrame = z.union([
  WelcomeFrame,
  AuthSuccessFrame,
  AuthErrorFrame,
  AuthExpiringFrame,
  AcceptedFrame,
  SubscribedFrame,
  SnapshotFrame,
  GoingAwayFrame,
  PongFrame,
  FrameError,
]);
export type ConnectionFrame = z.infer<typeof ConnectionFrame>;

const seq = { seq: z.number().int().positive() };

/** Events as viewers get them. */
export const EventFrame = z.discriminatedUnion("type", [
  MessageEvent.extend(seq),
  ThinkingEvent.extend(seq),
  ProgressEvent.extend(seq),
  TokenEvent.extend(seq),
  ToolCallStartEvent.extend(seq),
  ToolCallProgressEvent.extend(seq),
  ToolCallEndEvent.extend(seq),
  TurnRestartedEvent.extend(seq),
  CompleteEvent.extend(seq),
  CancelledEvent.extend(seq),
  ErrorEvent.extend(seq),
]);
export type EventFrame = z.infer<typeof EventFrame>;

export const ServerFrame = z.union([EventFrame, ConnectionFrame]);
export type ServerFrame = z.infer<typeof ServerFrame>;
