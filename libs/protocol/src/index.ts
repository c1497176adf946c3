export { CallId, ConversationId, TurnId, callIdOf, messageIdOf } from "./ids.ts";
export { limits } from "./limits.ts";
export {
  beginningOfLines,
  type BegunLines,
  cutJsonText,
  jsonBytes,
  jsonTextBytes,
  lineBytes,
  shareBytes,
} from "./encoded-size.ts";
export { beginningOf, boundCalls, envelopeBytes, fitMessage, fitToolCallEnd, shortArguments } from "./bounded-calls.ts";
export {
  AnyErrorCode,
  ChatError,
  ErrorCode,
  chatErrorOf,
  closeCodes,
  errorRowOf,
  errorTable,
  isErrorCode,
  isFinalClose,
  toChatError,
} from "./errors.ts";
export {
  agentChannel,
  kindOfSubject,
  parseEventSubject,
  shardOf,
  shardOfSubject,
  streams,
  subjects,
  toolQueueName,
  turnsConsumer,
  type EventAddress,
} from "./subjects.ts";
export {
  ApproveFrame,
  AuthFrame,
  CancelFrame,
  ClientFrame,
  MessageFrame,
  OnBusy,
  PingFrame,
  SubscribeFrame,
  UnsubscribeFrame,
  nativeSubprotocol,
  type ClientFrameInput,
} from "./client-frames.ts";
export {
  AnswerMetadata,
  Author,
  ChainEvent,
  MessageEvent,
  Outcome,
  StoredEvent,
  ToolCallEndEvent,
  Usage,
  isTerminal,
  isVisible,
  type StoredEventType,
} from "./events.ts";
export { Source } from "./source.ts";
export { FinishedToolCall, StepCall, ToolArguments, ToolCall, ToolStatus } from "./tool-calls.ts";
export {
  DataPart,
  FilePart,
  KnownPart,
  Part,
  ReasoningPart,
  SourcePart,
  TextPart,
  ToolCallPart,
  isKnownPart,
} from "./parts.ts";
export { Fact, type FactKind } from "./facts.ts";
export { TurnRecord } from "./turn-record.ts";
export { ProviderCall } from "./provider-call.ts";
export { ReadEvent, isReadable, unreadableEvent } from "./read-event.ts";
export {
  AcceptedFrame,
  ConnectionFrame,
  EventFrame,
  FrameError,
  ServerFrame,
  SnapshotFrame,
  SubscribedFrame,
  ToolCallState,
  TranscriptMessage,
  User,
} from "./server-frames.ts";
export { TurnRequest } from "./turn-request.ts";
export { ToolJob } from "./tool-job.ts";
export { turnsDestination } from "./trace.ts";
export { ToolDefinition, toolCatalogueKey } from "./tool-definition.ts";
export { RecordLink } from "./record-link.ts";
export { LogRecord, OwnerRecord, inOrderOfAcceptance, wasAcceptedBefore } from "./transcript.ts";
export {
  checkMessageText,
  decodeClientFrame,
  decodeEvent,
  decodeJson,
  encodeEvent,
  encodeJson,
  fitsFrame,
  frameAddressOf,
  parseObject,
  parseStored,
  parseWellFormed,
  seqHead,
  typeOfStored,
  wellFormedJson,
  withSeq,
  type FrameAddress,
} from "./codec.ts";
export { issueWords, problemOf } from "./issue-words.ts";
export {
  applyEvent,
  applyFrame,
  createTurnView,
  createView,
  outcomeOf,
  type ConversationView,
  type TurnView,
} from "./view.ts";
