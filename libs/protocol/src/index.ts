export { CallId, ConversationId, TurnId, callIdOf, turnOfCall } from "./ids.ts";
export { actions, type Action, type Resource, type ResourceOf } from "./actions.ts";
export { createMay, demand, toolNotAllowed, type May } from "./authority.ts";
export { ActionPattern, RightsByRole, RoleRights, everybody } from "./role-rights.ts";
export { standingAmong, type StandingAmong } from "./standing.ts";
export type { Verdict } from "./verdict.ts";
export { AuditEntry, auditChannels, auditKinds, type AuditAccess, type AuditKind } from "./audit.ts";
export {
  AnswerRule,
  Invite,
  InviteId,
  Member,
  MemberChange,
  MemberEvent,
  MemberRole,
  PeopleRecord,
  Person,
  PinEvent,
  Room,
  RoomAgent,
  StoredInvite,
  type People,
  type Standing,
} from "./room.ts";
export { addressedAgent, answerRuleOf, type RoomRules } from "./addressing.ts";
export { PostEvent, PostRecord } from "./post.ts";
export { inPlace, messageOfPost, newestWithPosts, postOutcome, postPlaces, transcriptOfPost } from "./post-fold.ts";
export {
  ChangesRecord,
  MessageChanges,
  Reaction,
  ReactionCount,
  changeEventOf,
  type ChangeEvent,
  type ToldChange,
} from "./message-changes.ts";
export { changedMessage, changedTurns, messageIdsOf, withoutText, type Changes } from "./changed-messages.ts";
export { UsageFrame, UsagePeriod } from "./usage-frame.ts";
export { EdgeSignal, PresenceFrame, PresentAgent, ReadFrame, ReadMark, ReadRecord, TypingFrame } from "./signals.ts";
export { foldRoomFrame, noRoom, foldSignal, type RoomView } from "./room-fold.ts";
export { CallerRights, callerOf, rightsOf, type Caller } from "./caller.ts";
export { limits } from "./limits.ts";
export {
  FileCare,
  FileId,
  FileInfo,
  FileLink,
  FileRecord,
  FileScan,
  FileSet,
  FileSum,
  fileLimits,
  fileOriginOf,
  fileOrigins,
  fileStatuses,
  type FileOrigin,
  type StoredPart,
} from "./files.ts";
export { fileNameOf } from "./file-name.ts";
export {
  FileFrame,
  FileProgressFrame,
  FileStoredFrame,
  encodeFileFrame,
  readFileFrame,
  type ReadFileFrame,
} from "./file-frames.ts";
export { AddressRules, Limits, LimitsFile, type Rate } from "./limits-file.ts";
export type { CountRow, RateRow } from "./limit-row.ts";
export {
  Quotas,
  isUsageKept,
  noQuotas,
  periodOf,
  quotaPeriods,
  quotaSentence,
  tooLittleSentence,
  quotaTable,
  quotasOf,
  type PeriodSpan,
  type QuotaLimit,
  type QuotaName,
  type QuotaPeriod,
} from "./quotas.ts";
export { UsageRecord, nothingSpent, spentOf, type Spent } from "./usage-record.ts";
export { limitTable, type CountName, type LimitName, type RateName } from "./limit-table.ts";
export {
  beginningOfLines,
  type BegunLines,
  cutJsonText,
  fitsFrame,
  jsonBytes,
  jsonTextBytes,
  lineBytes,
  shareBytes,
} from "./encoded-size.ts";
export {
  beginningOf,
  boundCalls,
  endedArguments,
  envelopeBytes,
  fitMessage,
  fitToolCallEnd,
  shortArguments,
} from "./bounded-calls.ts";
export { closeCodes, isFinalClose } from "./close-codes.ts";
export { errorTable, isErrorCode } from "./error-table.ts";
export { ChatError, chatErrorOf, toChatError } from "./chat-error.ts";
export { AnyErrorCode, ErrorCode } from "./errors.ts";
export {
  documentReaders,
  generationKey,
  noticeQueueName,
  pushQueueName,
  streams,
  toolQueueName,
  turnsConsumer,
  wakeConsumer,
} from "./streams.ts";
export {
  agentChannel,
  conversationOfSubject,
  isChangedMessage,
  kindOfSubject,
  parseEventSubject,
  shardOf,
  shardOfSubject,
  subjects,
  type EventAddress,
  toolKeyMark,
} from "./subjects.ts";
export { markedFormat, recordMark, type RecordFormat } from "./record-mark.ts";
export {
  ApproveFrame,
  AuthFrame,
  CancelFrame,
  ClientFrame,
  FeedbackFrame,
  HandoverFrame,
  MessageFrame,
  OnBusy,
  QueueFrame,
  RegenerateFrame,
  TitleFrame,
  type ClientFrameInput,
} from "./client-frames.ts";
export { DeleteFrame, EditFrame, ReactFrame, ReadSignalFrame, TypingSignalFrame } from "./room-frames.ts";
export { nativeSubprotocol } from "./native-subprotocol.ts";
export { OnBehalfOf } from "./on-behalf-of.ts";
export { ChainEvent, MessageEvent, Outcome, StoredEvent, ToolCallEndEvent, type StoredEventType } from "./events.ts";
export { AnswerMetadata } from "./answer-metadata.ts";
export { Author } from "./author.ts";
export { Cost, Usage } from "./usage.ts";
export { ConversationEvent, TitleEvent, TitleRecord, titleLine } from "./conversation-events.ts";
export { MemoryFact, MemoryFactId, MemoryRecord, memoryLine } from "./memory.ts";
export { SummaryRecord, type SummarisedUntil, type Summary } from "./summary.ts";
export {
  Handover,
  HandoverEvent,
  HandoverRecord,
  askPersonTool,
  handoverOf,
  isHandedOver,
  tellsHandover,
} from "./handover.ts";
export { Feedback, FeedbackEntry, FeedbackRecord, MessageId, Rating, commentText, feedbackBy } from "./feedback.ts";
export { AgentChoice, ModelChoice, Simulated } from "./offer.ts";
export {
  CollectionName,
  defaultCollection,
  DocumentAnswer,
  documentKindOf,
  documentKinds,
  type DocumentKind,
  DocumentList,
  DocumentQuestion,
  documentStoreLimits,
  DocumentVersion,
  FoundPassageAnswer,
  ReadPassage,
  StoredDocument,
} from "./documents.ts";
export { Source, sourcesPath } from "./source.ts";
export { FinishedToolCall, StepCall, ToolArguments, ToolCall, ToolStatus, unknownEffect } from "./tool-calls.ts";
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
export { PartPlace, orderOf, orderWithApprovals, partsInOrder } from "./part-order.ts";
export {
  agreementLapsed,
  approvalEndMs,
  askedEventOf,
  decidedEventOf,
  hasExpired,
  hasLapsed,
  notAgreedInTime,
  type AskedAt,
  type AskedEvent,
  type DecidedAt,
  type DecidedEvent,
} from "./approval-times.ts";
export { ApprovalForm, FormContent, FormField, formProblem } from "./approval-form.ts";
export { ApprovalDecision, ApprovalPreview, ApprovalRequest, ApprovalState, Decider } from "./approval.ts";
export { Fact, likeTurn, type FactKind, type FactOf } from "./facts.ts";
export { TextFact, WaitingTurn } from "./waiting-turn.ts";
export { turnOfAnswer, turnOfMessage } from "./message-ids.ts";
export { TurnRecord } from "./turn-record.ts";
export { ProviderCall } from "./provider-call.ts";
export { ReadEvent, isReadable, unreadableEvent } from "./read-event.ts";
export {
  AcceptedFrame,
  ConnectionFrame,
  ConversationEventFrame,
  DecisionFrame,
  FeedbackStoredFrame,
  EventFrame,
  FrameError,
  ServerFrame,
  SnapshotFrame,
  SubscribedFrame,
  ToolCallState,
  User,
  WaitingFrame,
} from "./server-frames.ts";
export { TranscriptMessage } from "./transcript-message.ts";
export { TurnRequest, authorOf, messageEventOf } from "./turn-request.ts";
export { KeyRecord, WrappedKey } from "./key-record.ts";
export { KnowledgeEntry, knowledgeLimits } from "./knowledge.ts";
export type { ClientCall, GivenCall, GivenChoice, GivenContext, GivenMessage, GivenTool } from "./given-context.ts";
export { Notice, NoticeJob } from "./notice.ts";
export { NoticeDevice, NoticeRecord, isWanted, noticeWants, type NoticeWants } from "./notice-record.ts";
export { knownPushHosts, pushHostsIn, pushPlaceOf, type PushPlace } from "./push-hosts.ts";
export { ToolJob, toolJobId } from "./tool-job.ts";
export { turnsDestination } from "./trace.ts";
export { clusterToolPrefix, runsWithoutModel, ToolDefinition, toolCatalogueKey } from "./tool-definition.ts";
export { redisKeys, sharedKeyPrefixes } from "./redis-keys.ts";
export { RecordLink, linkTo, seqsBefore } from "./record-link.ts";
export { LogRecord, OwnerRecord, wasAcceptedBefore } from "./transcript.ts";
export {
  RevocationRecord,
  isRevocationOver,
  revocable,
  revocationHolds,
  revocationKey,
  type Revocable,
} from "./revocation.ts";
export {
  messageRecordsOf,
  inOrderOfAcceptance,
  messagesOf,
  readTurnRecord,
  turnOfRecord,
  turnsOf,
  type AnyTurnRecord,
  type NewTurnRecord,
  type StoredTurn,
  turnPlaceOf,
} from "./stored-turns.ts";
export { newestBranch } from "./newest-branch.ts";
export { FileReference, SaidParts, filesNamed, withSaidText } from "./message-files.ts";
export { beginning, hasBranches, treeOf, type TurnPlace, type TurnTree } from "./branches.ts";
export {
  checkMessageText,
  checkSaysSomething,
  decodeClientFrame,
  decodeEvent,
  decodeJson,
  encodeEvent,
  encodeJson,
  frameAddressOf,
  isDeeperThan,
  parseObject,
  parseStored,
  parseWellFormed,
  saysTooMuch,
  seqHead,
  type FrameAddress,
  typeOfStored,
  wellFormedJson,
  withSeq,
} from "./codec.ts";
export { filesOf, hasSameFiles, isFile, noFiles, withFiles, type Files } from "./file-parts.ts";
export { appended } from "./growing-text.ts";
export { issueWords, problemOf } from "./issue-words.ts";
// Itself a list of names, for browsers.
export * from "./fold.ts";
export {
  ErasureCounts,
  ErasureRecord,
  HeldThing,
  HoldRecord,
  LeaseRecord,
  SweepRecord,
  erasureSteps,
  heldThings,
  type ErasureStep,
  type SweepCounts,
} from "./privacy.ts";
export { Erasure, Retention, keptMs } from "./retention.ts";
