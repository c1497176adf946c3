export type { ApproveOptions } from "./requests.ts";
export { createClient, type Client, type ClientEvents } from "./client.ts";
export type {
  Conversation,
  ConversationEvents,
  ConversationFrame,
  SaidParts,
  SendOptions,
} from "./conversation-handle.ts";
export type { Environment, EnvironmentSignal } from "./environment.ts";
export { ClientClosedError, type ClientState, type WaitingState } from "./link.ts";
export type { ClientLog, ClientOptions, ClientTimings, SendQueueLimits } from "./options.ts";
export type { OutgoingView } from "./outgoing.ts";
export type { OutgoingMessage, SendStore, StoredMessage } from "./send-store.ts";
export type { BackoffLimits } from "./backoff.ts";
export type { FrameCheck, Violation, ViolationKind } from "./frame-check.ts";
export type { Socket, SocketConstructor } from "./socket.ts";
export {
  ChatError,
  isReasoning,
  isSource,
  isText,
  isToolCall,
  messages,
  pendingApprovals,
  textOf,
  toolCallsOf,
  turn,
  type AcceptedFrame,
  type AnswerMetadata,
  type ApprovalDecision,
  type ApprovalForm,
  type ApprovalState,
  type Author,
  type ConversationView,
  type ErrorCode,
  type EventFrame,
  type FilePart,
  type FormField,
  type MessageView,
  type Outcome,
  type Part,
  type Parts,
  type PendingApproval,
  type ReasoningPart,
  type ServerFrame,
  type Source,
  type SourcePart,
  type SubscribedFrame,
  type TextPart,
  type ToolCallPart,
  type TranscriptMessage,
  type TurnView,
  type Usage,
  type User,
  type WaitingTurn,
} from "@parley/protocol/fold";
