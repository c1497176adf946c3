export { openBus, type Bus, type BusOptions } from "./bus.ts";
export { connectNats, type BrokerLink } from "./nats-connection.ts";
export { wrongLastSequence, type AppendResult } from "./appender.ts";
export type { EventLog, StreamState } from "./event-log.ts";
export type { EventAtSeq, StoredMessage } from "./stored-message.ts";
export type { Delivery, QueuedTurn, TurnQueue } from "./turn-queue.ts";
export type { Owners, StoredRecord, TranscriptPage, Transcripts } from "./transcripts.ts";
