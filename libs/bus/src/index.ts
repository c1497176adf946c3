export { openBus, type Bus, type BusOptions } from "./bus.ts";
export { openEncryption, openMasterKeys, type Encryption } from "./encryption.ts";
export { openKeyTools, type KeyCensus, type KeyTools, type RewrapReport, type StreamCensus } from "./key-tools.ts";
export { SealedError } from "./opening.ts";
export { plainTexts, type SealedTexts, type TextPlace } from "./sealed-texts.ts";
export type { KeyFigures } from "./sealing.ts";
export { tenantToken } from "./seal-places.ts";
export { connectNats, type BrokerLink } from "./nats-connection.ts";
export { EventTooLargeError, wrongLastSequence, type AppendResult } from "./appender.ts";
export type { EventLog } from "./event-log.ts";
export { FactsFullError } from "./fact-room.ts";
export type { CallFacts, Facts, TurnFacts, WrittenFact } from "./facts.ts";
export { unreadableFact, type FactAddress, type ReadFact, type StoredFact } from "./stored-fact.ts";
export { fitResult, type ToolText } from "./result-text.ts";
export { loneToolCallEndOf, toolCallEndOf } from "./result-event.ts";
export { isTooOldForCluster, oldestForCluster } from "./broker-version.ts";
export { streamSettings } from "./stream-settings.ts";
export { RangeTooLargeError } from "./stream-reading.ts";
export type { StreamState } from "./event-lookups.ts";
export type { EventAtSeq, StoredMessage } from "./stored-message.ts";
export type { ReadMarks, ReadPlace } from "./read-marks.ts";
export type { RoomSignals } from "./signals.ts";
export type { AgentSignals } from "./agent-signals.ts";
export type { DeliveryState, QueuedTurn, TurnBacklog, TurnStanding } from "./turn-lookups.ts";
export type { Delivery, DeliveryAnswers, SubmitOptions, TurnQueue } from "./turn-queue.ts";
export { longestDelayMs } from "./delayed-naks.ts";
export { deliveryNumber } from "./ack-subject.ts";
export type { Decision, Decisions } from "./decisions.ts";
export { createLogSizes, type LogBytes, type LogOwner, type LogSizes } from "./log-sizes.ts";
export type { Claimed, Owner, Owners } from "./owners.ts";
export type { PeopleChange, PeopleFlag, PeopleFollower, PeopleLog, ToldOfPeople } from "./people.ts";
export type { FollowedPeople } from "./people-following.ts";
export { addAuditFigures, auditNotes, type AuditLog } from "./audit-log.ts";
export { auditMatcher, openAuditReader, type AuditPage, type AuditRecord } from "./audit-reading.ts";
export type { DocumentQuestions } from "./document-questions.ts";
export type { DocumentStore, NewDocument, TenantDocuments } from "./document-store.ts";
export type { BroughtFile, FilePage, Files, FilesOptions } from "./files.ts";
export type { ByteRange } from "./file-reading.ts";
export type { FileStore } from "./file-store.ts";
export type { FileStoreOptions } from "./file-store-choice.ts";
export type { FileOwner, FileQuota } from "./file-sets.ts";
export type { CareFigures } from "./file-care.ts";
export type { NewFile } from "./file-uploads.ts";
export { defaultFileTypes } from "./file-type.ts";
export { createS3FileStore } from "./file-store-s3.ts";
export { fileFields, fileSettings } from "./file-settings.ts";
export type { GateLog, RevokedThing } from "./gate-log.ts";
export type { ConversationEnd, DeletionListener } from "./conversation-deletion.ts";
export type { ConversationOutline, StoredConversations } from "./stored-conversations.ts";
export type { WaitingTexts } from "./waiting-texts.ts";
export { noSuchAnswer, type FeedbackLog, type FeedbackPlace, type NewFeedback, type RatedAnswer } from "./feedback.ts";
export type { Memories, Memory, MemoryOwner } from "./memories.ts";
export type { NoticeChoice, NoticeRecords } from "./notice-records.ts";
export type { Summaries, SummaryPlace } from "./summaries.ts";
export type { EarlierText, MessageChangeLog, NextChange } from "./message-changes.ts";
export { createShownTranscripts, erasedError, type ShownTranscripts } from "./shown-transcripts.ts";
export type { TitlePlace, Titles } from "./titles.ts";
export type { FoundPlace, PathPage, PathQuery } from "./branch-reading.ts";
export type { AppendedPost, NewPost, PostAt, PostPage, Posts, PostSince } from "./posts.ts";
export type { Handovers, HandoverFollower, HandoverWish } from "./handovers.ts";
export type { TranscriptPage, Transcripts } from "./transcripts.ts";
export { natsAddress, redisAddress, requireTlsFiles } from "./broker-tls.ts";
export { connectRedis, type RedisRole } from "./redis.ts";
export {
  createOpenTurns,
  openTurnsKey,
  type Added,
  type Holder,
  type MostOpen,
  type OpenTurn,
  type OpenTurns,
} from "./open-turns.ts";
export { answeredWithin } from "./redis-deadline.ts";
export {
  createNoticeQueue,
  noticeIdOf,
  NoticeRefusedError,
  startNoticeWorker,
  type NoticeQueue,
  type NoticeWorker,
} from "./notice-queue.ts";
export { createToolJobs, createToolQueue, type ToolJobCounts, type ToolJobs, type ToolQueue } from "./tool-queue.ts";
export {
  startToolWorker,
  type JobEnd,
  type JobInterruption,
  type JobRun,
  type ToolWorker,
  type ToolWorkerOptions,
} from "./tool-worker-queue.ts";
export { conversationListKey, createListTimes, type ListTimes } from "./list-times.ts";
export { createQuotaCounters, type QuotaCounters } from "./quota-counters.ts";
export type { NextLimit, QuotaAccount, QuotaGrant, UsedPeriod, UsedUp } from "./quota-names.ts";
export { conversationOf, kindOfMention, type Mention } from "./mentions.ts";
export type { OwnedConversation } from "./conversation-ages.ts";
export type { LastOne } from "./append-behind.ts";
export type { Authored } from "./erasing.ts";
export type { Erased } from "./pseudonyms.ts";
export type { Holdable } from "./privacy-log.ts";
export { forgetUserKeys } from "./user-keys.ts";
export { createUsageSums } from "./usage-sums.ts";
export { type UsageLog, type UsagePage } from "./usage-log.ts";
export { createKnowledgeBoard, type AnnouncedDocument, type KnowledgeBoard } from "./knowledge-board.ts";
export { createOfferBoard, type AnnouncedAgents, type Offer, type OfferBoard } from "./offer.ts";
export { announceEveryMs, createToolCatalogue, type ToolCatalogue } from "./tool-catalogue.ts";
export { addStorageFigures } from "./event-room.ts";
export { factNotes } from "./fact-figures.ts";
export { type Unreadable } from "./unreadable.ts";
export { connectionTokens, openSealedTokens, type SealedTokens } from "./sealed-tokens.ts";
export {
  connectionName,
  createTokenRecords,
  openText,
  refreshAtOf,
  sealText,
  type KeptTokens,
  type TokenRecords,
  type TokenRecordsDeps,
  type Tokens,
} from "./token-records.ts";
export { openWorkshopLog, type StoredDay, type WorkshopLog, type WorkshopPerson } from "./workshop-log.ts";
