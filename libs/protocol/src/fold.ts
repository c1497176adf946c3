/**
 * What a client needs of the protocol, without the schemas: for browsers (`@parley/protocol/fold`). Frames are taken as what they say they are; whoever
 * does not trust their sender parses them first.
 */
export type { ErrorCode } from "./chat-error.ts";
export { clientLimits } from "./client-limits.ts";
export { closeCodes, isFinalClose } from "./close-codes.ts";
export { fitsFrame, textBytes } from "./encoded-size.ts";
export { isTerminal, isVisible } from "./event-kinds.ts";
export { filesOf, isFile, type Files } from "./file-parts.ts";
export { isServerFrame } from "./frame-shape.ts";
export { limits } from "./limits.ts";
export { messageIdOf } from "./message-ids.ts";
export {
  messages,
  pendingApprovals,
  queue,
  turn,
  type MessageView,
  type PendingApproval,
  type QueuedTurn,
} from "./messages.ts";
export { nativeSubprotocol } from "./native-subprotocol.ts";
export { answerOf, outcomeOf, partsOfMessage, storedParts } from "./outcome.ts";
export {
  callPart,
  approvalTermsOf,
  foldParts,
  isReasoning,
  isSource,
  isText,
  isToolCall,
  noParts,
  pendingCallsOf,
  storedApproval,
  textOf,
  toolCallsOf,
  type Parts,
} from "./parts-fold.ts";
export { foldSignal, type RoomView } from "./room-fold.ts";
export { titleLine } from "./title-line.ts";
export { ChatError, chatErrorOf } from "./told-error.ts";
export {
  createTurnView,
  createView,
  foldEvent,
  foldFrame,
  foldQueue,
  type ConversationView,
  type TurnView,
} from "./view.ts";
export type { ApprovalDecision, ApprovalState } from "./approval.ts";
export type { ApprovalForm, FormField } from "./approval-form.ts";
export type { ClientFrameInput } from "./client-frames.ts";
export type { MessageEvent, Outcome } from "./events.ts";
export type { AnswerMetadata } from "./answer-metadata.ts";
export type { Author } from "./author.ts";
export type { Usage } from "./usage.ts";
export type { CallId, ConversationId, TurnId } from "./ids.ts";
export type { FilePart, Part, ReasoningPart, SourcePart, TextPart, ToolCallPart } from "./parts.ts";
export type {
  AcceptedFrame,
  ConversationEventFrame,
  DecisionFrame,
  EventFrame,
  FrameError,
  ServerFrame,
  SnapshotFrame,
  SubscribedFrame,
  User,
  WaitingFrame,
} from "./server-frames.ts";
export type { TranscriptMessage } from "./transcript-message.ts";
export type { Handover } from "./handover.ts";
export type { MessageChanges, ReactionCount } from "./message-changes.ts";
export type { Invite, Member, MemberRole, Person, Room, RoomAgent } from "./room.ts";
export type { PresenceFrame, PresentAgent, ReadFrame, ReadMark, TypingFrame } from "./signals.ts";
export type { Source } from "./source.ts";
export type { WaitingTurn } from "./waiting-turn.ts";
